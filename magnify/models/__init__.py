"""Methods of growing motion: pure tensors, no files. One paper, one file."""

from magnify.models.base import MagnificationModel, Texture

__all__ = ["MagnificationModel", "Texture"]
