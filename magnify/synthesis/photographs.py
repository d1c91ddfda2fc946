"""The raw material of synthetic scenes: photographs and cut-out objects, held in memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import imageio.v3 as iio
import torch
from torch import Tensor

from magnify.errors import SettingsError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


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
            SettingsError: a folder is missing or holds no picture, or one cannot be read.
        """
        return cls(_read(images, "RGB"), _read(objects, "RGBA"))

    @property
    def device(self) -> torch.device:
        return self.backgrounds[0].device

    def to(self, device: torch.device) -> "Photographs":
        return Photographs(
            tuple(picture.to(device) for picture in self.backgrounds),
            tuple(picture.to(device) for picture in self.cutouts),
        )


def check_folder(folder: Path) -> None:
    """
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
        try:
            picture = iio.imread(path, plugin="pillow", mode=mode)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise SettingsError(
                f"{path} is not a readable picture ({reason}); repair it or take it out"
            ) from error
        return torch.from_numpy(picture).permute(2, 0, 1).contiguous()

    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(decode, files))
