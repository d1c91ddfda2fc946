"""`magnify run`: static and dynamic magnification."""

from enum import StrEnum
from typing import Annotated

import typer

from magnify.cli.batch import magnify_all
from magnify.cli.options import Common, with_common
from magnify.errors import SettingsError


class ModeName(StrEnum):
    static = "static"
    dynamic = "dynamic"


@with_common
def run(
    common: Common,
    mode: Annotated[
        ModeName,
        typer.Option(
            "--mode",
            "-m",
            help="Magnify the motion since a reference frame (static) or since the previous "
            "frame (dynamic).",
            rich_help_panel="Magnification",
        ),
    ] = ModeName.static,
    reference: Annotated[
        str,
        typer.Option(
            help="The static mode's reference: first, a frame's number (from 0), or mean:N.",
            rich_help_panel="Magnification",
        ),
    ] = "first",
) -> None:
    """Magnify all motion in videos; everything else about them stays as it was.

    The result of in.mp4 is in_x20_static.mp4 beside it, unless told otherwise.
    """
    from magnify.pipeline.modes import Dynamic, Static

    if mode is ModeName.dynamic and reference != "first":
        raise SettingsError("--reference belongs to --mode static; leave it out")
    chosen = Dynamic() if mode is ModeName.dynamic else Static.parse(reference)
    magnify_all(common, chosen)
