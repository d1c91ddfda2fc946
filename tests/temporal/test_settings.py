"""Filter settings are checked in words, and make the operator they name."""

import re
from typing import Any, get_args

import pytest
import torch

from magnify.errors import SettingsError
from magnify.pipeline.modes import Bandpass
from magnify.temporal.bands import BANDS, band
from magnify.temporal.change import PLAIN
from magnify.temporal.operators import Fir, Iir
from magnify.temporal.passband import Passband
from magnify.temporal.settings import (
    FILTERS,
    Butterworth,
    DifferenceOfIir,
    FilterChoice,
    FilterName,
    LinearPhaseFir,
    select_filter,
)
from magnify.temporal.spool import Storage
from magnify.temporal.whole_clip import WholeClip

STORAGE = Storage(2**20)
SWAY = Passband(0.5, 7.5, 30)


@pytest.mark.parametrize(
    ("low", "high", "rate", "message"),
    [
        (None, None, 30, "needs a low or a high cut-off in Hz, or a name"),
        (7.5, 0.5, 30, "low cut-off 7.5 Hz must be below high 0.5 Hz"),
        (2, 2, 30, "must be below"),
        (72, 92, 30, "low cut-off 72 Hz is beyond 15 Hz, what 30 frames per second can show"),
        (0.5, 15, 30, "high cut-off 15 Hz is beyond 15 Hz"),
        (0, 5, 30, r"low cut-off 0 Hz .* leave it out \(a low-pass\)"),
        (-1, None, 30, "low cut-off -1 Hz is not above 0; change it$"),
        (None, float("nan"), 30, "high cut-off nan Hz"),
        (1, 2, 0, "sampling rate 0 must be positive"),
        (1, 2, float("nan"), "sampling rate nan"),
    ],
)
def test_impossible_bands_are_refused(
    low: float | None, high: float | None, rate: float, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        Passband(low, high, rate)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0.5, 7.5, "0.5-7.5 Hz"), (None, 3, "below 3 Hz"), (2, None, "above 2 Hz")],
)
def test_a_band_says_what_it_keeps(low: float | None, high: float | None, text: str) -> None:
    assert str(Passband(low, high, 30)) == text


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("chebyshev", {}, "unknown filter 'chebyshev'; choose butterworth, diff-iir, fir"),
        ("butterworth", {"order": 0}, "filter order 0 must be 1 to 10"),
        ("butterworth", {"taps": 9}, "option taps is for the filter fir, not for butterworth"),
        ("fir", {"order": 2}, "option order is for the filter butterworth"),
        ("fir", {"zero_phase": True}, "option zero-phase is for the filter butterworth"),
        ("fir", {"coefficients": (0.1, 0.2)}, "option r1/r2 is for the filter diff-iir"),
        ("fir", {"taps": 100}, "100 taps: the number must be odd, such as 101"),
    ],
)
def test_impossible_filters_are_refused(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        select_filter(name, options)


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        (31, "31 taps cannot resolve 0.5-7.5 Hz at 30 frames per second; 99 can"),
        (-1, "-1 taps cannot resolve"),
    ],
)
def test_taps_that_cannot_resolve_the_band_are_refused(taps: int, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        LinearPhaseFir(taps).operator(SWAY, STORAGE, PLAIN)


@pytest.mark.parametrize("coefficients", [(0.4, 0.04), (0.1, 0.1), (-0.1, 0.4), (0.1, 1.1), (0, 1)])
def test_impossible_coefficients_are_refused(coefficients: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match="must be 0 <= r1 < r2 <= 1"):
        select_filter("diff-iir", {"coefficients": coefficients})


def test_the_names_that_may_be_typed_are_those_of_the_filters() -> None:
    assert set(get_args(FilterName)) == set(FILTERS)
    assert set(get_args(FilterChoice)) == {"auto", *FILTERS}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_needs_a_band(name: Any) -> None:
    with pytest.raises(SettingsError, match="a band needs a low or a high cut-off"):
        Bandpass(filter=name)
    assert select_filter(name, {}).needs_band


def test_coefficients_take_the_place_of_a_band() -> None:
    with pytest.raises(SettingsError, match="take the band's place"):
        Bandpass(low=1, filter="diff-iir", coefficients=(0.1, 0.2))
    assert not select_filter("diff-iir", {"coefficients": (0.1, 0.2)}).needs_band


def test_options_select_the_filter_and_the_filter_its_operator() -> None:
    cases = [
        (select_filter("butterworth", {}), Butterworth(3), Iir),
        (select_filter("butterworth", {"order": 4, "zero_phase": False}), Butterworth(4), Iir),
        (
            select_filter("butterworth", {"zero_phase": True}),
            Butterworth(zero_phase=True),
            WholeClip,
        ),
        (
            select_filter("diff-iir", {"coefficients": (0.04, 0.4)}),
            DifferenceOfIir((0.04, 0.4)),
            Iir,
        ),
        (select_filter("diff-iir", {"taps": None}), DifferenceOfIir(), Iir),
        (select_filter("fir", {}), LinearPhaseFir(), Fir),
        (select_filter("fir", {"taps": "auto"}), LinearPhaseFir(), Fir),
        (select_filter("fir", {"taps": 101}), LinearPhaseFir(101), Fir),
        (select_filter("fir", {"taps": "all"}), LinearPhaseFir("all"), WholeClip),
    ]
    for selected, expected, operator in cases:
        assert selected == expected
        made = selected.operator(SWAY, STORAGE, PLAIN)
        assert type(made) is operator
        assert (made.delay is None) == (operator is WholeClip)


def test_automatic_taps_are_said() -> None:
    chosen = LinearPhaseFir()
    said = "linear-phase FIR, 99 taps (the fewest that resolve the band), 0.5-7.5 Hz"
    assert chosen.describe(SWAY) == said
    assert chosen.operator(SWAY, STORAGE, PLAIN).delay == 49
    assert chosen.kept_frames(SWAY) == 99
    assert LinearPhaseFir("all").kept_frames(SWAY) == Butterworth().kept_frames(SWAY) == 0


@pytest.mark.parametrize(
    ("low", "high", "coefficients"),
    [(None, 7.5, (0.0, 0.7320508)), (7.5, None, (0.7320508, 1.0))],
)
def test_an_absent_cutoff_leaves_a_single_low_pass(
    low: float | None, high: float | None, coefficients: tuple[float, float]
) -> None:
    found = DifferenceOfIir().used_coefficients(Passband(low, high, 30))
    assert found == pytest.approx(coefficients)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "the clip has 10 frames, but the filter settles after"),
        ({"name": "fir"}, "the clip has 10 frames, but the filter spans 99"),
        (
            {"name": "fir", "taps": "all"},
            "the clip has 10 frames, .* 0.5-7.5 Hz is resolved from 99 on",
        ),
        ({"name": "diff-iir"}, "the clip has 10 frames, but the filter settles after"),
    ],
)
def test_a_clip_too_short_for_its_filter_is_warned_about(
    options: dict[str, Any], message: str
) -> None:
    chosen = select_filter(options.get("name", "butterworth"), {"taps": options.get("taps")})
    (warning,) = chosen.warnings(SWAY, 10)
    assert re.match(message, warning)
    assert chosen.warnings(SWAY, 300) == chosen.warnings(SWAY, None) == []


def test_a_narrow_difference_of_iir_is_known_to_be_weak() -> None:
    (warning,) = DifferenceOfIir().warnings(Passband(1.5, 2.5, 30), None)
    assert "passes at most 2" in warning


def test_every_named_band_works_at_its_own_rate() -> None:
    for name, found in BANDS.items():
        assert band(name) is found
        assert name == found.name
        rate = found.sampling_rate or 1000
        passband = Passband(found.low, found.high, rate)
        for chosen in FILTERS.values():
            chosen().operator(passband, STORAGE, PLAIN)


def test_an_unknown_band_is_told_the_known_ones() -> None:
    with pytest.raises(
        SettingsError, match=r"unknown band 'snore'; choose one of breathing, .*eye"
    ):
        band("snore")


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("zero_phase", [False, True])
def test_a_notch_leaves_out_its_frequency_and_no_other(name: str, zero_phase: bool) -> None:
    if zero_phase and name != "butterworth":
        pytest.skip("zero phase belongs to butterworth")
    chosen = select_filter(name, {"zero_phase": zero_phase})
    band = Passband(5.0, 100.0, 300.0, notches=(50.0,))
    time = torch.arange(1500) / 300
    for frequency, lowest, highest in ((50.0, 0.0, 0.06), (30.0, 0.75, 1.05), (80.0, 0.6, 1.05)):
        tone = torch.sin(2 * torch.pi * frequency * time).reshape(-1, 1, 1, 1)
        operator = chosen.operator(band, STORAGE, PLAIN)
        motion = torch.cat([operator.feed(tone), *operator.flush()])
        gain = float(motion[700:1200].std() / tone[700:1200].std())
        assert lowest <= gain <= highest, (frequency, gain)
    assert chosen.describe(band)
    assert str(band) == "5-100 Hz without 50 Hz"


@pytest.mark.parametrize("notches", [(1.0,), (120.0,), (5.05,), (50.0, 51.0)])
def test_a_notch_has_to_fit_into_the_band(notches: tuple[float, ...]) -> None:
    with pytest.raises(SettingsError, match=r"a notch at .* Hz does not fit into the band"):
        Passband(5.0, 100.0, 300.0, notches=notches)


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, {}) for name in FILTERS]
    + [("butterworth", {"zero_phase": True}), ("fir", {"taps": "all"})],
    ids=str,
)
def test_a_share_of_what_is_outside_the_band_can_count(name: str, options: dict[str, Any]) -> None:
    chosen = select_filter(name, options)
    change = torch.randn(120, 1, 1, 3, generator=torch.Generator().manual_seed(0)).cumsum(0)
    change = change - change[:1]

    def motion(outside: float) -> torch.Tensor:
        band = Passband(2.0, 4.0, 30.0, outside=outside)
        operator = chosen.operator(band, Storage(2**24), PLAIN)
        return torch.cat([operator.feed(change), *operator.flush()])

    inside = motion(0.0)
    expected = inside - 0.25 * (change - inside)
    atol = 2**-9 * float(change.abs().max())  # a whole clip is stored as float16
    torch.testing.assert_close(motion(-0.25), expected, rtol=0, atol=atol)
