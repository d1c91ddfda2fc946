"""Every name that `--model` takes, as plain data: it is read without loading torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from magnify.checkpoints.layouts import Layout

MODELS: Mapping[str, str] = {
    "lbvmm": "magnify.models.lbvmm.LBVMM",
    "fd4mm": "magnify.models.fd4mm.FD4MM",
    "quick": "magnify.models.quick.Quick",
    "steerable": "magnify.models.steerable.Steerable",
    "riesz": "magnify.models.riesz.Riesz",
    "linear": "magnify.models.linear.Linear",
    "colour": "magnify.models.colour.Colour",
}
"""Each model and its class. One that has weights has a line in `BUILT_IN`, too."""

DEFAULT_MODEL = "lbvmm"

FIRST_LOOK = "quick"
"""The network that shows nearly the same in an eighth of the time."""


@dataclass(frozen=True)
class BuiltIn:
    """A weight file of this project.

    Attributes:
        file: its name in `weights/`.
        sha256: of its bytes.
        layout_name: the layout it is in.
        size: in bytes.
        licence: of these weights.
        description: one line on what they are; weights/README.md says more.
    """

    file: str
    sha256: str
    layout_name: str
    size: int
    licence: str
    description: str

    @property
    def layout(self) -> "Layout":
        from magnify.checkpoints.recognition import find_layout

        return find_layout(self.layout_name)


BUILT_IN: dict[str, BuiltIn] = {
    "lbvmm": BuiltIn(
        file="lbvmm.safetensors",
        sha256="9c482594e1a89f98631a8e000fd1cf144a04ff8f3271fe55a28de3ba1fac9752",
        layout_name="lbvmm-magnify",
        size=3_680_240,
        licence="MIT",
        description="LBVMM trained from scratch on synthetic pairs, with compression and noise",
    ),
    "fd4mm": BuiltIn(
        file="fd4mm.safetensors",
        sha256="d29166aafc47ab200fdf0d45836031b8e8e5d3a478df1b3ae67fa42f3ce70164",
        layout_name="fd4mm",
        size=5_945_956,
        licence="MIT",
        description="FD4MM, trained like LBVMM but on a CPU only: softer, thin lines stay still",
    ),
    "quick": BuiltIn(
        file="quick.safetensors",
        sha256="3a2162fefffbc551481143ec4130c52a8d3d50d4ad66e450173ae4800e8dec85",
        layout_name="quick",
        size=1_990_840,
        licence="MIT",
        description="Quick, trained for an hour on one CPU core: a first look, not the last word",
    ),
}
"""The weights that come with `magnify`, by the model's name."""
