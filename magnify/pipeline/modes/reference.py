"""Static and dynamic: motion since a reference, or since the previous frame."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from magnify.errors import SettingsError
from magnify.messages import Message, Notify
from magnify.pipeline.modes.base import Mode

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.pipeline.alpha import Factor
    from magnify.pipeline.clips import Clip
    from magnify.temporal.operators import Operator


@dataclass(frozen=True)
class Static(Mode):
    """Motion since a reference: frame `index`, or the mean of `mean_of` frames from there on.

    With an `index` of None it is the first frame, unless that lies off those behind it.
    """

    index: int | None = 0
    mean_of: int = 1

    name = "static"

    @property
    def label(self) -> str:
        if self.mean_of > 1:
            return f"static-mean{self.mean_of}"
        return f"static-{self.index}" if self.index else "static"

    @classmethod
    def parse(cls, reference: str) -> "Static":
        """From `auto`, `first`, a frame's number (from 0), or `mean:N`, the mean of the first N.

        Raises:
            SettingsError: the text is none of these.
        """
        if reference == "auto":
            return cls(index=None)
        if reference == "first":
            return cls()
        if match := re.fullmatch(r"(mean:)?(\d{1,9})", reference):
            number = int(match[2])
            if not match[1]:
                return cls(index=number)
            if number > 0:
                return cls(mean_of=number)
        raise SettingsError(
            f"reference '{reference}' is not understood; use auto, first, a frame's number, or "
            "mean:N"
        )

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {"name": self.name, "index": self.index, "mean_of": self.mean_of}

    def settled(self, clip: "Clip", network: "Network", notify: Notify) -> "Static":
        if self.index is not None:
            return self
        from magnify.pipeline.modes.stray import stray_start

        index, off = stray_start(clip)
        if index:
            which = "frame" if index == 1 else f"{index} frames"
            notify(
                Message(
                    f"the first {which} lie{'s' * (index == 1)} {off:.1f} px off those behind; "
                    f"the reference is frame {index} (--reference first takes the first)"
                )
            )
        return replace(self, index=index)

    @property
    def reference_frames(self) -> range:
        assert self.index is not None, "settled"
        # The first frame is the first that the operator is fed: nothing has to wait for it.
        first = self == Static()
        return range(0) if first else range(self.index, self.index + self.mean_of)

    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: "Factor",
        notify: Notify,
    ) -> "Operator":
        from magnify.temporal import operators

        shape = None if reference is None else network.encode_shape(reference)
        return operators.SinceReference(shape, network.model)


@dataclass(frozen=True)
class Dynamic(Mode):
    """Motion since the previous frame."""

    name = "dynamic"
    label = "dynamic"

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {"name": self.name}

    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: "Factor",
        notify: Notify,
    ) -> "Operator":
        from magnify.temporal import operators

        return operators.SincePrevious(network.model)
