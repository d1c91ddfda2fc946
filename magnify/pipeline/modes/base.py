"""What a mode is: settings that say what counts as motion, and make an operator for it.

Nothing here loads torch until an operator is made: the command line reads these settings.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from magnify.messages import Notify
from magnify.settings import to_plain

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.pipeline.alpha import Factor
    from magnify.pipeline.clips import Clip
    from magnify.temporal.operators import Operator


class Mode(ABC):
    """Settings of a mode, a frozen dataclass. `name` is what reports and jobs call it."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def label(self) -> str:
        """A short form of the settings, for names of files."""

    @abstractmethod
    def describe(self, clip: "Clip") -> dict[str, Any]:
        """The settings as plain data, with what follows from the clip, for reports."""

    def settled(self, clip: "Clip", network: "Network", notify: Notify) -> Self:
        """The mode with all that was left to be chosen for this clip and network decided.

        Raises:
            SettingsError: the mode cannot work on the clip.
        """
        return self

    def check(self, clip: "Clip", notify: Notify) -> None:
        """Checks the mode on that clip, and warns of what may disappoint.

        Raises:
            SettingsError: the mode cannot work on the clip.
        """
        return None

    def check_alpha(self, alpha: "Factor") -> None:
        """Checks that the mode can work with that factor.

        Raises:
            SettingsError: it cannot.
        """
        return None

    @property
    def reference_frames(self) -> range:
        """The frames whose mean `operator` takes as the reference; none if it needs none."""
        return range(0)

    @abstractmethod
    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: "Factor",
        notify: Notify,
    ) -> "Operator":
        """A fresh operator for one pass over the clip.

        Args:
            reference: the mean of the `reference_frames`, a picture (1, H, W, 3), if it has any.
            alpha: the factor that the motion will be magnified by.
            notify: takes what to tell the user.

        Raises:
            SettingsError: the mode cannot work with this network's representation of the clip.
        """

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data; `mode_from_dict` takes them back."""
        return {"name": self.name, **to_plain(self)}
