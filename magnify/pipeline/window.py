"""The part of the frames that a model has to see, where not all of the picture is magnified."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, UnidentifiedImageError

from magnify.errors import SettingsError
from magnify.models import MagnificationModel
from magnify.motion.regions import Region
from magnify.pipeline.selection import Selection
from magnify.video import Frame, VideoInfo
from magnify.video.orientation import upright, upright_info


class Window:
    """The part of the frames that a model has to see, and how its result goes back into them.

    Attributes:
        rows, columns: of the stored picture, what the model sees.
        height, width: of that, in pixels.

    Raises:
        SettingsError: the selection leaves the picture, or selects nothing of it.
    """

    def __init__(self, selection: Selection, info: VideoInfo, model: MagnificationModel) -> None:
        weights = _weights(selection, info)
        if not weights.any():
            raise SettingsError(f"{selection.mask}: selects nothing; what is white is magnified")
        self._rows, self._columns = (
            slice(int(found[0]), int(found[-1]) + 1)
            for found in (np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0)))
        )
        self._weights = weights[self._rows, self._columns, None]
        self.rows = _widened(self._rows, info.height, model)
        self.columns = _widened(self._columns, info.width, model)
        self.height = self.rows.stop - self.rows.start
        self.width = self.columns.stop - self.columns.start

    def cut(self, frame: Frame) -> Frame:
        """The part of a frame; it keeps the whole."""
        return replace(frame, picture=frame.picture[self.rows, self.columns], whole=frame.picture)

    def paste(self, frame: Frame) -> Frame:
        """The whole frame, with what was made of its part where that is selected."""
        assert frame.whole is not None, "a frame that was cut"
        top, left = self._rows.start - self.rows.start, self._columns.start - self.columns.start
        height, width = self._weights.shape[:2]
        made = frame.picture[top : top + height, left : left + width]
        picture = frame.whole.copy()
        under = picture[self._rows, self._columns]
        blended = under + self._weights * (made.astype(np.float32) - under)
        picture[self._rows, self._columns] = np.rint(blended).astype(picture.dtype)
        return replace(frame, picture=picture, whole=None)


def _widened(part: slice, size: int, model: MagnificationModel) -> slice:
    """A part of one axis with all around it that a model sees, on the model's own grid."""
    radius = model.receptive_radius
    if radius is None:
        return slice(0, size)
    start = max(0, part.start - radius) // model.stride * model.stride
    return slice(start, min(size, part.stop + radius))


def region_mask(region: Region, info: VideoInfo) -> NDArray[np.bool_]:
    """Where a region of the picture as displayed lies in the stored one, (H, W).

    Raises:
        SettingsError: it leaves the picture.
    """
    mask: NDArray[np.bool_] = _weights(Selection(roi=region, feather=0.0), info) > 0
    return mask


def _weights(selection: Selection, info: VideoInfo) -> NDArray[np.float32]:
    """How much of each stored pixel is magnified, (H, W), 0 to 1."""
    matrix = info.display_matrix
    shown = info if matrix is None else upright_info(info)
    weights = np.ones((shown.height, shown.width), np.float32)
    if selection.roi is not None:
        weights = _rectangle(Region(*selection.roi), selection.feather, weights.shape)
    if selection.mask is not None:
        weights = weights * _mask(selection.mask, selection.feather, weights.shape)
    if matrix is None:
        return weights
    # Where each pixel of the upright picture is stored: the way back.
    stored = np.arange(info.height * info.width).reshape(info.height, info.width, 1)
    places = upright(stored, matrix)[..., 0]  # type: ignore[arg-type]  # numbers, for a picture
    turned = np.empty(info.height * info.width, np.float32)
    turned[places] = weights
    return turned.reshape(info.height, info.width)


def _rectangle(roi: Region, feather: float, size: tuple[int, ...]) -> NDArray[np.float32]:
    height, width = size
    roi.check_inside(height, width)
    rows, columns = np.arange(height), np.arange(width)
    away = [
        np.maximum(np.maximum(first - place, place - (first + length - 1)), 0)
        for place, first, length in ((rows, roi.y, roi.height), (columns, roi.x, roi.width))
    ]
    distance = np.hypot(away[0][:, None], away[1])
    weights: NDArray[np.float32] = (1 - distance / (feather + 1)).clip(0, 1).astype(np.float32)
    return weights


def _mask(path: Path, feather: float, size: tuple[int, ...]) -> NDArray[np.float32]:
    height, width = size
    try:
        with Image.open(path) as picture:
            mask = picture.convert("L")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SettingsError(f"{path}: cannot be read as a mask: {error}") from error
    if mask.size != (width, height):
        raise SettingsError(
            f"{path}: the mask is {mask.width}x{mask.height}, and the picture {width}x{height}; "
            "make them equal"
        )
    faded = mask.filter(ImageFilter.GaussianBlur(feather / 2)) if feather else mask
    return np.asarray(faded, np.float32) / np.float32(255)
