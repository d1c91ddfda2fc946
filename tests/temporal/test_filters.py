"""Filters pass the tones they should and stop the others, as designed."""

import cmath
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import signal

from magnify.temporal import filters
from magnify.temporal.operators import Fir, Iir, Operator
from magnify.temporal.spool import Storage
from magnify.temporal.whole_clip import IdealBand, WholeClip, ZeroPhase

RATE = 30.0
FRAMES = 900
STORAGE = Storage(2**30)

BAND = (1.5, 2.5)
ORDER_2 = filters.butterworth(*BAND, 2, RATE)
DIFFERENCE = filters.difference_of_iir(0.3, 0.7)
FIR = filters.fir(*BAND, 101, RATE)


def phasor(operator: Operator, frequency: float) -> complex:
    """What the operator makes of a tone: its gain and phase, fitted away from the clip's ends."""
    angle = 2 * np.pi * frequency / RATE * np.arange(FRAMES)
    tone = torch.from_numpy(np.cos(angle)).float()[:, None, None, None]
    pieces = [operator.feed(piece) for piece in tone.split(16)]
    motion = torch.cat([*pieces, *operator.flush()]).flatten().double().numpy()
    middle = slice(FRAMES // 3, 2 * FRAMES // 3)
    basis = np.stack([np.cos(angle), -np.sin(angle), np.ones(FRAMES)], axis=1)[middle]
    real, imaginary, _ = np.linalg.lstsq(basis, motion[middle], rcond=None)[0]
    return complex(real, imaginary)


def response(sections: filters.Coefficients, frequency: float) -> complex:
    return complex(signal.sosfreqz(sections, [frequency], fs=RATE)[1][0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fir(FIR),
        lambda: WholeClip(IdealBand(*BAND, RATE), STORAGE),
        lambda: WholeClip(ZeroPhase(ORDER_2), STORAGE),
    ],
    ids=["fir", "ideal", "zero phase"],
)
def test_a_kept_tone_keeps_amplitude_and_phase(make: Callable[[], Operator]) -> None:
    gain = phasor(make(), 2.0)
    assert abs(gain) == pytest.approx(1, abs=0.01)
    assert cmath.phase(gain) == pytest.approx(0, abs=0.001)


def test_butterworth_keeps_amplitude_and_phase_at_its_centre() -> None:
    gain = phasor(Iir(ORDER_2), (1.5 * 2.5) ** 0.5)
    assert abs(gain) == pytest.approx(1, abs=0.01)
    assert cmath.phase(gain) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("frequency", [0.5, 1.5, 2.0, 2.5, 6.0])
@pytest.mark.parametrize("sections", [ORDER_2, DIFFERENCE], ids=["butterworth", "difference"])
def test_recursive_filters_do_to_a_tone_what_the_design_says(
    sections: filters.Coefficients, frequency: float
) -> None:
    assert abs(phasor(Iir(sections), frequency) - response(sections, frequency)) < 2e-3


@pytest.mark.parametrize("frequency", [0.5, 1.5, 2.0, 2.5, 6.0])
def test_forward_and_backward_squares_the_gain_and_has_no_phase(frequency: float) -> None:
    expected = abs(response(ORDER_2, frequency)) ** 2
    assert abs(phasor(WholeClip(ZeroPhase(ORDER_2), STORAGE), frequency) - expected) < 2e-3


@pytest.mark.parametrize("frequency", [0.5, 3.5, 6.0])
@pytest.mark.parametrize(
    "make",
    [lambda: Fir(FIR), lambda: WholeClip(IdealBand(*BAND, RATE), STORAGE)],
    ids=["fir", "ideal"],
)
def test_a_fir_stops_a_tone_by_more_than_50_decibels(
    make: Callable[[], Operator], frequency: float
) -> None:
    assert abs(phasor(make(), frequency)) < 10 ** (-50 / 20)


@pytest.mark.parametrize(("low", "high"), [(0.5, 7.5), (1.5, 2.5), (0.2, 0.5), (5.0, 7.0)])
def test_the_fewest_taps_keep_the_centre_and_stop_drift(low: float, high: float) -> None:
    taps = filters.fir(low, high, filters.taps_to_resolve(low, high, RATE), RATE)
    _, gains = signal.freqz(taps, worN=[0.0, (low + high) / 2], fs=RATE)
    assert abs(gains[0]) < 0.01
    assert abs(gains[1]) == pytest.approx(1, abs=0.01)


def test_the_fewest_taps_are_odd_and_follow_the_narrowest_transition() -> None:
    assert filters.taps_to_resolve(0.5, 7.5, 30) == 99
    assert filters.taps_to_resolve(5.0, 7.0, 30) == 51
    assert filters.taps_to_resolve(None, 3.0, 30) == 17
    assert filters.taps_to_resolve(12.0, None, 30) == filters.taps_to_resolve(None, 3.0, 30)


@pytest.mark.parametrize("distance", [0.5, 1.0, 4.0])
def test_a_high_pass_is_as_steep_near_half_the_rate_as_a_low_pass_near_zero(
    distance: float,
) -> None:
    cutoff = RATE / 2 - distance
    taps = filters.fir(cutoff, None, filters.taps_to_resolve(cutoff, None, RATE), RATE)
    frequencies = [0.0, cutoff - 2 * distance, cutoff, RATE / 2]
    _, gains = signal.freqz(taps, worN=frequencies, fs=RATE, include_nyquist=True)
    assert np.abs(gains) == pytest.approx([0, 0, 0.5, 1], abs=0.02)


@pytest.mark.parametrize("cutoff", [0.01, 0.5, 7.5, 14.0])
def test_a_first_order_low_pass_is_3_decibels_down_at_its_cutoff(cutoff: float) -> None:
    sections = filters.difference_of_iir(0, filters.lowpass_coefficient(cutoff, RATE))
    assert abs(response(sections, cutoff)) == pytest.approx(0.5**0.5, rel=1e-9)


def test_difference_of_iir_is_the_difference_of_two_low_passes() -> None:
    both = response(filters.difference_of_iir(0.04, 0.4), 1.3)
    fast, slow = (response(filters.difference_of_iir(0, r), 1.3) for r in (0.4, 0.04))
    assert both == pytest.approx(fast - slow)


def test_gain_at_zero_is_that_of_the_kind() -> None:
    assert filters.gain_at_zero(filters.butterworth(None, 3, 3, 30)) == pytest.approx(1)
    assert filters.gain_at_zero(filters.butterworth(3, None, 3, 30)) == pytest.approx(0)
    assert filters.gain_at_zero(ORDER_2) == pytest.approx(0)


def test_settling_is_when_the_impulse_response_has_died_away() -> None:
    frames = filters.settling_frames(ORDER_2, 0.01)
    impulse = np.zeros(3 * frames)
    impulse[0] = 1
    answer = np.abs(signal.sosfilt(ORDER_2, impulse))
    assert answer[frames:].max() < 0.05 * answer.max() < answer[frames // 2 :].max()
