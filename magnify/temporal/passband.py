"""The band of frequencies to keep, checked against the sampling rate."""

from dataclasses import dataclass
from itertools import pairwise

from magnify.errors import SettingsError


def check_cutoffs(low: float | None, high: float | None) -> None:
    """Checks what can be known of a band, in Hz, before the sampling rate is.

    Raises:
        SettingsError: neither is given, one is not above 0, or they are not in order.
    """
    if low is None and high is None:
        raise SettingsError("a band needs a low or a high cut-off in Hz, or a name")
    for name, cutoff in (("low", low), ("high", high)):
        if cutoff is not None and not cutoff > 0:
            without = "" if None in (low, high) else f", or leave it out (a {name}-pass)"
            raise SettingsError(f"{name} cut-off {cutoff:g} Hz is not above 0; change it{without}")
    if low is not None and high is not None and low >= high:
        raise SettingsError(f"low cut-off {low:g} Hz must be below high {high:g} Hz")


@dataclass(frozen=True)
class Passband:
    """The frequencies to keep, in Hz of the sampling rate.

    Without `low` everything slow is kept (relative to the first frame), without `high`
    everything fast.

    Attributes:
        low, high: the cut-offs, in (0, rate / 2), low < high; one may be None.
        rate: frames per second that the camera recorded.
        notches: frequencies in Hz that are left out, inside the band and apart from its ends.
        outside: the share of the rest that counts as motion with the band; below 0 opposes it.

    Raises:
        SettingsError: the band cannot exist at this rate.
    """

    low: float | None
    high: float | None
    rate: float
    notches: tuple[float, ...] = ()
    outside: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf"):
            raise SettingsError(f"sampling rate {self.rate:g} must be positive")
        check_cutoffs(self.low, self.high)
        for name, cutoff in (("low", self.low), ("high", self.high)):
            if cutoff is not None and cutoff >= self.rate / 2:
                alone = None in (self.low, self.high)
                without = "" if alone else f"leave it out (a {name}-pass), "
                raise SettingsError(
                    f"{name} cut-off {cutoff:g} Hz is beyond {self.rate / 2:g} Hz, what "
                    f"{self.rate:g} frames per second can show; change it, {without}or correct the "
                    "sampling rate (--sampling-rate)"
                )

        self._check_notches()

    def _check_notches(self) -> None:
        from magnify.temporal import filters  # loads SciPy

        ends = (0.0 if self.low is None else self.low, self.high or self.rate / 2)
        edges = [ends[0], *filters.edges(None, None, self.notches), ends[1]]
        if self.notches and any(after <= before for before, after in pairwise(edges)):
            raise SettingsError(
                f"a notch at {', '.join(f'{notch:g}' for notch in self.notches)} Hz does not fit "
                f"into the band ({self._ends()}); leave it out, or move the band"
            )

    def __str__(self) -> str:
        without = f" without {', '.join(f'{notch:g}' for notch in self.notches)} Hz"
        return self._ends() + without * bool(self.notches)

    def _ends(self) -> str:
        if self.low is None:
            return f"below {self.high:g} Hz"
        return f"above {self.low:g} Hz" if self.high is None else f"{self.low:g}-{self.high:g} Hz"

    @property
    def taps(self) -> int:
        """The fewest FIR taps that resolve it; see `filters.taps_to_resolve`."""
        from magnify.temporal import filters  # loads SciPy

        return filters.taps_to_resolve(self.low, self.high, self.rate, self.notches)
