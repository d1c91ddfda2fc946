"""Writes and reads pairs on disk, in the layout of the data set that LBVMM's authors published.

frameA/ (reference), frameB/ (query, colours perturbed), frameC/ (query, unperturbed) and
amplified/ (target, perturbed) hold NNNNNN.png each; train_mf.txt has one factor per line.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import partial
from pathlib import Path

import imageio.v3 as iio
import torch
from torch import Tensor

from magnify.errors import SettingsError
from magnify.lab.synthesis.degradation import DegradationSettings, degrade
from magnify.lab.synthesis.pairs import BatchSettings, Pairs, PairSource, RandomStream, seeded
from magnify.lab.synthesis.photographs import read_picture, split

FOLDERS = {
    "reference": "frameA",
    "query": "frameB",
    "unperturbed": "frameC",
    "target": "amplified",
}
FACTORS = "train_mf.txt"


def write_pairs(
    out: Path,
    source: PairSource,
    count: int,
    batch_settings: BatchSettings,
    on_batch: Callable[[int], None] = lambda done: None,
) -> None:
    """Writes `count` pairs of `source` as 8-bit PNG files.

    Args:
        out: a folder; made if it does not exist.
        on_batch: called with the number of pairs written so far.

    Raises:
        SettingsError: `out` already holds pairs.
    """
    if (out / FACTORS).exists():
        raise SettingsError(f"{out} already holds pairs; choose another folder")
    for folder in FOLDERS.values():
        (out / folder).mkdir(parents=True, exist_ok=True)
    factors: list[float] = []
    with ThreadPoolExecutor() as pool:
        for index in range(-(-count // batch_settings.batch)):
            pairs = source.pairs(index, batch_settings)
            for item in range(min(batch_settings.batch, count - len(factors))):
                name = f"{len(factors):06d}.png"
                paths = [out / folder / name for folder in FOLDERS.values()]
                frames = [getattr(pairs, role)[item] for role in FOLDERS]
                list(pool.map(_write, paths, frames))
                factors.append(float(pairs.alpha[item]))
            on_batch(len(factors))
    # Written last: a folder with this file is complete.
    (out / FACTORS).write_text("".join(f"{factor:.6f}\n" for factor in factors))


class StoredPairs:
    """A source of random crops of stored pairs, half of them mirrored, degraded like drawn ones."""

    def __init__(
        self, folder: Path, degradation: DegradationSettings | None = None, seed: int = 0
    ) -> None:
        """Reads the factors; the pictures are read as they are needed.

        Raises:
            SettingsError: the folder is not in the layout.
        """
        self.folder = folder
        self.degradation = degradation or DegradationSettings()
        self.seed = seed
        self._pool = ThreadPoolExecutor()
        self.factors = _read_factors(folder)
        self.names = sorted(path.name for path in (folder / FOLDERS["target"]).glob("*.png"))
        if len(self.names) != len(self.factors):
            raise SettingsError(
                f"{folder}: {len(self.factors)} factors in {FACTORS} for {len(self.names)} "
                f"pictures in {FOLDERS['target']}/; there must be one for each"
            )
        if not self.names:
            raise SettingsError(f"{folder} holds no pairs; choose another folder")
        self._items: Sequence[int] = range(len(self.names))

    def __len__(self) -> int:
        """How many different pairs are drawn."""
        return len(self._items)

    def __str__(self) -> str:
        return f"{len(self)} stored pairs"

    def split(self) -> tuple["StoredPairs", "StoredPairs"]:
        """Splits the pairs for training and for validation, as `photographs.split` does."""
        learnt, held = copy(self), copy(self)
        (learnt._items,), (held._items,) = split(self._items)
        held.seed = self.seed + 1
        return learnt, held

    def pairs(self, index: int, batch_settings: BatchSettings) -> Pairs:
        """Makes batch `index`. Motion and alpha are what the files hold, not the settings'."""
        generator = seeded(self.seed, index, RandomStream.SCENES)
        drawn = torch.randint(len(self), (batch_settings.batch,), generator=generator).tolist()
        chosen = [self._items[number] for number in drawn]
        places = torch.rand(batch_settings.batch, 3, generator=generator).tolist()
        crops = list(self._pool.map(partial(self._crop, batch_settings.crop), chosen, places))
        reference, query, unperturbed, target = torch.stack(crops).unbind(dim=1)
        degradation = self.degradation.rarer(batch_settings.degraded)
        reference, query = degrade([reference, query], degradation, generator, generator)
        alpha = torch.tensor([self.factors[item] for item in chosen])
        return Pairs(reference, query, unperturbed, target, alpha, query[:, :0])

    def whole(self, item: int) -> Tensor:
        """Reads pair `item`, undegraded: (4, 3, H, W) in [0, 1], in the order of `Pairs`."""
        return self._read(item) / 255

    def _read(self, item: int) -> Tensor:
        paths = [self.folder / folder / self.names[item] for folder in FOLDERS.values()]
        return torch.stack([read_picture(path, "RGB") for path in paths])

    def _crop(self, size: int, item: int, place: tuple[float, float, float]) -> Tensor:
        """(4, 3, size, size); `place` says where, in 0 to 1: top, left, and whether mirrored."""
        frames = self._read(item)
        height, width = frames.shape[2:]
        if min(height, width) < size:
            raise SettingsError(
                f"{self.folder}: pictures of {width}x{height} are smaller than the crop of {size}"
            )
        top, left, mirrored = place
        y, x = int(top * (height - size + 1)), int(left * (width - size + 1))
        frames = frames[..., y : y + size, x : x + size] / 255
        return frames.flip(3) if mirrored < 0.5 else frames


def _read_factors(folder: Path) -> list[float]:
    path = folder / FACTORS
    if not path.is_file():
        raise SettingsError(
            f"{folder} holds no {FACTORS}: give a folder in the layout that "
            "`magnify synth pairs` writes"
        )
    try:
        factors = [float(line) for line in path.read_text().split()]
    except ValueError as error:
        raise SettingsError(f"{path}: {error}; there must be one number per line") from error
    for factor in factors:
        if not 0 <= factor < math.inf:
            raise SettingsError(f"{path}: a factor of {factor}; each must be a number from 0 on")
    return factors


def _write(path: Path, frame: Tensor) -> None:
    picture = (frame * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    iio.imwrite(path, picture, plugin="pillow")
