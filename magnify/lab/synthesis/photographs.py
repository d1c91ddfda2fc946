"""Reads photographs and cut-out objects, the raw material of scenes, and holds them in memory."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import imageio.v3 as iio
import numpy as np
import torch
from torch import Tensor

from magnify.errors import SettingsError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

T = TypeVar("T")

HELD_OUT = 50
"""Every so manieth picture is kept from training, for validation."""


@dataclass(frozen=True)
class Photographs:
    """Decoded pictures, uint8.

    Attributes:
        backgrounds: photographs, each (3, H, W), RGB.
        cutouts: objects, each (4, H, W), RGBA with straight (not premultiplied) alpha.
    """

    backgrounds: tuple[Tensor, ...]
    cutouts: tuple[Tensor, ...]

    @classmethod
    def load(cls, images: Path, objects: Path) -> "Photographs":
        """Reads both folders, in the order of their file names.

        Args:
            images: a folder of photographs.
            objects: a folder of pictures with transparency.

        Raises:
            SettingsError: a folder is missing or holds no picture, or one cannot be read, or an
                object has no transparency, or nothing else.
        """
        return cls(_read(images, "RGB"), _read(objects, "RGBA"))

    def __str__(self) -> str:
        return f"{len(self.backgrounds)} photographs, {len(self.cutouts)} cut-outs"

    @property
    def device(self) -> torch.device:
        return self.backgrounds[0].device

    def split(self) -> tuple["Photographs", "Photographs"]:
        """Splits the pictures for training and for validation, as `split` says."""
        learnt, held = split(self.backgrounds, self.cutouts)
        return Photographs(*learnt), Photographs(*held)

    def to(self, device: torch.device) -> "Photographs":
        return Photographs(
            tuple(picture.to(device) for picture in self.backgrounds),
            tuple(picture.to(device) for picture in self.cutouts),
        )


def split(*kinds: Sequence[T]) -> tuple[list[tuple[T, ...]], list[tuple[T, ...]]]:
    """Splits items of each kind: every 50th is for validation, the others for training.

    Where there are fewer than 50 of any kind, all are for both.
    """
    everything = [tuple(items) for items in kinds]
    if min(map(len, everything)) < HELD_OUT:
        return everything, everything
    learnt = [
        tuple(item for number, item in enumerate(items, 1) if number % HELD_OUT)
        for items in everything
    ]
    return learnt, [items[HELD_OUT - 1 :: HELD_OUT] for items in everything]


def check_folder(folder: Path) -> None:
    """Checks that a folder is there.

    Raises:
        SettingsError: it is no folder.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder: give one with pictures in it")


def _read(folder: Path, mode: Literal["RGB", "RGBA"]) -> tuple[Tensor, ...]:
    check_folder(folder)
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not files:
        raise SettingsError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})")

    def decode(path: Path) -> Tensor:
        picture = read_picture(path, mode)
        if mode == "RGBA":
            _check_cutout(path, picture[3])
        return picture

    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(decode, files))


def read_picture(path: Path, mode: Literal["RGB", "RGBA"]) -> Tensor:
    """Reads the picture in a file, or the first one, held upright: uint8 (3 or 4, H, W).

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        if iio.improps(path, plugin="pillow", index=0).dtype.itemsize == 1:
            picture = iio.imread(path, plugin="pillow", index=0, mode=mode, rotate=True)
        else:  # Pillow would make white of 16-bit grey
            levels = iio.imread(path, plugin="pillow", index=0, rotate=True)
            grey = (levels / 257).clip(0, 255).round().astype(np.uint8)
            picture = np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=2)
            picture = picture[..., : len(mode)]
    except Exception as error:  # each decoder has its own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SettingsError(
            f"{path} is not a readable picture ({reason}); repair it or take it out"
        ) from error
    return torch.from_numpy(picture).permute(2, 0, 1).contiguous()


def _check_cutout(path: Path, alpha: Tensor) -> None:
    if alpha.min() == 255:
        raise SettingsError(
            f"{path} has no transparency: cut its object out, or take the picture out"
        )
    if alpha.max() == 0:
        raise SettingsError(f"{path} is transparent all over: take it out")
