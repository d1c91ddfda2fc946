"""What the laboratory's commands have in common."""

from enum import StrEnum
from typing import Any

import typer

from magnify.pipeline.job import MODEL

__all__ = ["MODEL", "Model", "PrecisionName", "option"]


class PrecisionName(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class Model(StrEnum):
    """The networks that the laboratory trains and judges."""

    fd4mm = "fd4mm"
    lbvmm = "lbvmm"
    quick = "quick"


def option(panel: str, text: str, *names: str, **settings: Any) -> Any:
    """An option of a command, in a panel of its help page."""
    return typer.Option(*names, help=text, rich_help_panel=panel, **settings)
