"""The networks: pure tensors, no files. One paper, one file."""

from magnify.models.base import MagnificationModel, Texture
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM

__all__ = ["FD4MM", "LBVMM", "MagnificationModel", "Texture"]
