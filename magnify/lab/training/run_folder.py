"""Keeps what a training run leaves on disk: its state, weights, metrics and pictures."""

import csv
import math
import pickle
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import torch
from torch import Tensor

from magnify.checkpoints.replacing import replacing
from magnify.errors import CheckpointError, SettingsError

STATE = "state.pt"
METRICS = "metrics.csv"


class RunFolder:
    """The folder of one run. Every file in it is complete at any moment, also after a kill.

    state.pt (to resume from), <model>.safetensors (the averaged weights), metrics.csv, sheet.png
    (reference, query, output, truth, a row for each validation pair), and TensorBoard's events
    where TensorBoard is installed.
    """

    def __init__(self, path: Path, model: str, *, resume: bool) -> None:
        """Opens the folder, and makes it if need be.

        Raises:
            SettingsError: a new run in a folder that holds one's files, or nothing to resume there,
                or the folder cannot be made.
        """
        self.check(path, model, resume=resume)
        self.path = path
        self.weights = path / f"{model}.safetensors"
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"{path} cannot be a run's folder ({error.strerror})") from error
        self._board: Any = None
        self._undone: int | None = None

    @staticmethod
    def check(path: Path, model: str, *, resume: bool) -> None:
        """Checks that a run can start, or be resumed, in a folder.

        Raises:
            SettingsError: a new run in a folder that holds one's files, or nothing to resume there.
        """
        if resume and not (path / STATE).is_file():
            raise SettingsError(f"{path} holds no {STATE} to resume from")
        if resume:
            return
        if (path / STATE).exists():
            raise SettingsError(f"{path} holds a run already; resume it or choose another folder")
        for name in (METRICS, f"{model}.safetensors"):
            if (path / name).exists():
                raise SettingsError(f"{path} holds another run's {name}; choose another folder")

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Writes the state to resume from.

        Raises:
            CheckpointError: it cannot be written; the former one stays.
        """
        with replacing(self.path / STATE) as beside:
            torch.save(dict(state), beside)

    def load_state(self, device: torch.device) -> dict[str, Any]:
        """Reads the state to resume from.

        Raises:
            CheckpointError: the state cannot be read, or is of an older form.
        """
        path = self.path / STATE
        try:
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{path}: not a readable training state ({error})") from error
        if not {"optimiser_states", "start", "contrast", "plans"} <= state.keys():
            raise CheckpointError(
                f"{path}: written by an older magnify; start a new run from its weights with --init"
            )
        return state

    def forget_after(self, step: int) -> None:
        """Drops the metrics of steps that a kill has undone; for the leading process alone."""
        self._undone = step + 1
        path = self.path / METRICS
        if not path.exists():
            return
        lines = path.read_text().splitlines(keepends=True)
        kept = [row for row in lines[1:] if float(row.split(",")[0]) <= step]
        with replacing(path) as beside:
            beside.write_text("".join([*lines[:1], *kept]))

    def log(self, metrics: Mapping[str, float]) -> None:
        """Appends a row to metrics.csv and to TensorBoard's events; `step` is the first column.

        A nan, what was not measured this time, stays empty.
        """
        with (self.path / METRICS).open("a", newline="") as file:
            writer = csv.DictWriter(file, list(metrics))
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(
                {
                    name: "" if math.isnan(value) else f"{value:.6g}"
                    for name, value in metrics.items()
                }
            )
        board = self._tensorboard()
        if board is not None:
            for name, value in metrics.items():
                if not math.isnan(value):
                    board.add_scalar(name, value, int(metrics["step"]))

    def show(self, rows: list[list[Tensor]]) -> None:
        """Writes sheet.png: rows of frames (3, H, W) in [0, 1]."""
        sheet = torch.cat([torch.cat(row, dim=2) for row in rows], dim=1)
        picture = (sheet.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        with replacing(self.path / "sheet.png") as beside:
            iio.imwrite(beside, picture, plugin="pillow")

    def close(self) -> None:
        if self._board is not None:
            self._board.close()

    def _tensorboard(self) -> Any:
        if self._board is None:
            with suppress(ImportError):
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(str(self.path), purge_step=self._undone)
        return self._board
