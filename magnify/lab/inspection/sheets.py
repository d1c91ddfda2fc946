"""Sheets of pictures that show the inside of a network."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnify.engine.frames import to_model
from magnify.errors import SettingsError
from magnify.lab.inspection.kernels import linear_kernels, representations
from magnify.models import MagnificationModel
from magnify.pipeline.clips import VideoClip
from magnify.pipeline.prepare import Engine
from magnify.pipeline.stream import stack

COLUMNS = 8
"""Tiles in a row."""

ENLARGED = 5
"""Times that a kernel's pixels are."""

SHOWN = 8
"""Channels of a representation whose activations are shown: those that change most."""

GAP = 3
TILE = 160
"""Pixels of a tile of activations, at most."""

Grey = NDArray[np.float64]
"""(H, W), from 0 to 1."""


@dataclass(frozen=True)
class Sheets:
    """The pictures, uint8 (H, W, 3), by the names of their files; and what was measured.

    Attributes:
        linearity: for each representation, of each channel, the share of its derivative that is
            the same everywhere.
    """

    pictures: dict[str, NDArray[np.uint8]]
    linearity: dict[str, list[float]]


def inspect(
    engine: Engine,
    clip: Path,
    *,
    frame: int = 1,
    alphas: Sequence[float] = (1.0, 5.0, 20.0),
    report: Callable[[str, int, int | None], None] = lambda stage, done, total: None,
) -> Sheets:
    """Looks inside a network with two frames of a clip: the first, and another.

    Raises:
        SettingsError: the model is no network, or the clip has no such frame.
        VideoError: the clip cannot be read.
    """
    model = engine.network.model
    if not model.has_weights:
        raise SettingsError(f"{model.name} has learnt nothing; choose a network")
    pair = _pair(clip, frame, model, engine.network.runtime.device)
    report("inspecting", 0, 3)
    kernels = linear_kernels(model, pair)
    pictures = {f"kernels_{_file(name)}": _kernel_sheet(k) for name, (k, _) in kernels.items()}
    report("inspecting", 1, 3)
    with torch.inference_mode():
        pictures["activations"] = _activations(model, pair, alphas)
        report("inspecting", 2, 3)
        pictures["spectra"] = _spectra(representations(model, pair[1:]))
    report("inspecting", 3, 3)
    return Sheets(
        {name: _coloured(sheet) for name, sheet in pictures.items()},
        {name: [round(float(v), 4) for v in linear] for name, (_, linear) in kernels.items()},
    )


def _pair(clip: Path, frame: int, model: MagnificationModel, device: torch.device) -> Tensor:
    with closing(VideoClip(clip).frames()) as frames:
        found = list(islice(frames, frame + 1))
    if frame < 1 or len(found) <= frame:
        raise SettingsError(f"{clip}: has no frame {frame} behind its first")
    return to_model(stack([found[0], found[frame]]), model).to(device)


def _file(name: str) -> str:
    return name.replace(" ", "_")


def _kernel_sheet(kernels: Tensor) -> Grey:
    """Each channel's kernel in luma: grey is 0, white and black the largest value of them all."""
    luma = (kernels.cpu() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1).numpy()
    largest = max(float(np.abs(luma).max()), 1e-12)
    tiles = []
    for kernel in luma:
        tile = 0.5 + 0.5 * kernel / largest
        tiles.append(tile.repeat(ENLARGED, 0).repeat(ENLARGED, 1))
    return _in_rows(tiles, COLUMNS)


def _activations(model: MagnificationModel, pair: Tensor, alphas: Sequence[float]) -> Grey:
    """A row for each factor: the channels that change most, as the decoder is given them."""
    texture, shape = model.encode(pair[1:])
    motion = model.difference(shape, model.encode_shape(pair[:1]))
    strongest = motion[0].abs().mean(dim=(1, 2)).argsort(descending=True)[:SHOWN]
    rows = []
    for alpha in alphas:
        grown = model.manipulate(shape, motion, alpha, texture)[0, strongest].float().cpu().numpy()
        rows += [_tile(channel) for channel in grown]
    return _in_rows(rows, len(strongest))


def _spectra(named: dict[str, Tensor]) -> Grey:
    """A column for each representation: its mean magnitude, and below its Fourier spectrum."""
    maps, spectra = [], []
    for values in named.values():
        channels = values[0].float().cpu().numpy()
        maps.append(_tile(np.abs(channels).mean(axis=0)))
        centred = channels - channels.mean(axis=(1, 2), keepdims=True)
        power = np.abs(np.fft.fftshift(np.fft.fft2(centred), axes=(1, 2))).mean(axis=0)
        spectra.append(_tile(np.log(power + 1e-6)))
    return _in_rows([*maps, *spectra], len(maps))


def _tile(values: NDArray[np.floating]) -> Grey:
    """Values from their least to their largest, no larger than a tile."""
    step = max(1, -(-max(values.shape) // TILE))
    small = values[::step, ::step].astype(float)
    low, high = np.quantile(small, (0.005, 0.995))
    tile: Grey = ((small - low) / max(high - low, 1e-12)).clip(0, 1)
    return tile


def _in_rows(tiles: Sequence[Grey], columns: int) -> Grey:
    height = max(tile.shape[0] for tile in tiles) + GAP
    width = max(tile.shape[1] for tile in tiles) + GAP
    rows = -(-len(tiles) // columns)
    sheet = np.ones((rows * height + GAP, min(columns, len(tiles)) * width + GAP))
    for number, tile in enumerate(tiles):
        top, left = GAP + number // columns * height, GAP + number % columns * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _coloured(sheet: Grey) -> NDArray[np.uint8]:
    levels = np.rint(255 * sheet).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)
