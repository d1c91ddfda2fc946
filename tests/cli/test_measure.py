"""`magnify measure`: the series it writes, their units, and what happens to what gets lost."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import pyuff
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from magnify.analysis import measure as measure_clip
from magnify.cli import app
from magnify.motion.regions import Region
from support.moving import filmed, texture, write_lossless

FRAMES, RATE = 64, 32.0
TIMES = np.arange(FRAMES) / RATE
RIGHT = 0.5 * np.sin(2 * np.pi * 4 * TIMES)
DOWN = 0.2 * np.sin(2 * np.pi * 4 * TIMES)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96x96: all of it moves to the right and down by a sine of 4 Hz."""
    random = np.random.default_rng(8)
    moved = zip(RIGHT, DOWN, strict=True)
    pictures = [filmed(texture(dx, dy), 0.5, random) for dx, dy in moved]
    return write_lossless(tmp_path_factory.mktemp("clips") / "sway.mkv", pictures, RATE)


def measure(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["measure", *map(str, arguments)])


def columns(path: Path) -> dict[str, list[str]]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    return {name: [row[number] for row in rows[1:]] for number, name in enumerate(rows[0])}


def numbers(values: list[str]) -> NDArray[np.float64]:
    return np.array(values, float)


def test_one_row_a_frame_in_pixels_and_millimetres(clip: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    result = measure(
        clip, "--roi", "A=20,20,32,32", "--scale", "0.5mm/px", "-o", table, "--band", "3,5"
    )
    assert result.exit_code == 0, result.stderr
    found = columns(table)
    assert found["frame"] == [str(number) for number in range(FRAMES)]
    assert numbers(found["time_s"]) == pytest.approx(TIMES, abs=1e-6)
    assert numbers(found["A_dx_px"]) == pytest.approx(RIGHT, abs=0.02)
    assert numbers(found["A_dy_px"]) == pytest.approx(DOWN, abs=0.02)
    assert numbers(found["A_dx_mm"]) == pytest.approx(RIGHT / 2, abs=0.01)
    length = np.hypot(0.5, 0.2)
    along = length * np.sin(2 * np.pi * 4 * TIMES)
    assert numbers(found["A_along_px"]) == pytest.approx(along, abs=0.02)
    middle = slice(8, -8)
    assert numbers(found["A_band_px"])[middle] == pytest.approx(along[middle], abs=0.1)
    assert set(found["A_state"]) == {"ok"}
    summary = json.loads(table.with_suffix(".json").read_text())
    region = summary["regions"]["A"]
    assert region["peaks"][0]["frequency_hz"] == pytest.approx(4, abs=0.05)
    assert region["peaks"][0]["amplitude_px"] == pytest.approx(length, rel=0.03)
    assert region["axis_deg"] == pytest.approx(np.degrees(np.arctan2(0.2, 0.5)), abs=2)
    assert region["decay"] is None
    assert summary["settings"]["band"] == "3,5"
    assert table.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert measure(clip, "--roi", "20,20,32,32", "-o", table, "-y", "--svg").exit_code == 0
    assert table.with_suffix(".svg").read_text().startswith("<?xml")


def test_the_density_integrates_to_the_variance(clip: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    assert measure(clip, "--roi", "20,20,32,32", "-o", table, "--no-plots").exit_code == 0
    found = columns(tmp_path / "t_psd.csv")
    frequency = numbers(found["frequency_hz"])
    total = numbers(found["P1_dx_px2_per_hz"]).sum() * (frequency[1] - frequency[0])
    assert total == pytest.approx(0.5**2 / 2, rel=0.05)


@pytest.mark.parametrize("scale", [[], ["--scale-between", "0,0,30,40=100mm"]])
def test_a_universal_file_is_read_back(clip: Path, tmp_path: Path, scale: list[str]) -> None:
    table = tmp_path / "t.csv"
    regions = ("--roi", "A=20,20,32,32", "--roi", "B=50,40,24,24")
    assert measure(clip, *regions, "-o", table, "--uff", "--no-plots", *scale).exit_code == 0
    file = pyuff.UFF(str(tmp_path / "t.uff"))
    assert list(file.get_set_types()) == [15, *[58] * 8]
    nodes, *functions = file.read_sets()
    metres = 0.002 if scale else 1.0
    assert nodes["x"] == pytest.approx(np.array([35.5, 61.5]) * metres)
    assert nodes["y"] == pytest.approx(np.array([-35.5, -51.5]) * metres)
    found = columns(table)
    response, spectrum, downward = functions[:3]
    assert (response["func_type"], spectrum["func_type"]) == (1, 2)
    assert (response["rsp_node"], response["rsp_dir"], downward["rsp_dir"]) == (1, 1, -2)
    assert functions[4]["rsp_node"] == 2
    assert response["x"] == pytest.approx(TIMES, abs=1e-4)
    assert response["data"] == pytest.approx(numbers(found["A_dx_px"]) * metres, abs=1e-6)
    assert downward["data"] == pytest.approx(numbers(found["A_dy_px"]) * metres, abs=1e-6)
    assert spectrum["x"][spectrum["data"].argmax()] == pytest.approx(4, abs=0.3)
    assert (response["abscissa_spec_data_type"], response["ordinate_spec_data_type"]) == (17, 8)
    assert response["ordinate_axis_units_lab"].strip() == ("m" if scale else "px")


def test_points_move_to_texture_and_lines_are_many_points(clip: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    result = measure(
        clip, "--point", "47,47", "--line", "W=30,30,60,60", "--along", "3", "-o", table, "--json"
    )
    assert result.exit_code == 0, result.stderr
    regions = json.loads(result.stdout)["regions"]
    assert list(regions) == ["P1", "W_1", "W_2", "W_3"]
    x, y, width, height = regions["P1"]["x,y,width,height"]
    assert max(abs(x - 32), abs(y - 32)) <= 8
    assert (width, height) == (32, 32)
    exact = measure(clip, "--point", "47,47", "--exact", "-o", tmp_path / "e.csv", "--json")
    (region,) = json.loads(exact.stdout)["regions"].values()
    assert region["x,y,width,height"] == [32, 32, 32, 32]


def test_what_is_hidden_has_empty_cells(tmp_path: Path) -> None:
    pictures = [filmed(texture(dx, 0)) for dx in RIGHT[:40]]
    for number in range(10, 15):
        pictures[number][20:60, 20:60] = 127
    clip = write_lossless(tmp_path / "c.mkv", pictures, RATE)
    table = tmp_path / "t.csv"
    result = measure(clip, "--roi", "24,24,32,32", "-o", table, "--uff", "--band", "3,5")
    assert result.exit_code == 0, result.stderr
    assert "lost in 12.5% of the frames" in result.stdout
    assert "is not in t.uff" in result.stderr
    found = columns(table)
    for name in ("P1_dx_px", "P1_dx_se_px", "P1_corr", "P1_band_px"):
        assert [not cell for cell in found[name]] == [10 <= n < 15 for n in range(40)]
    assert found["P1_state"][9:16] == ["ok", *["lost"] * 5, "ok"]
    assert float(found["P1_dx_px"][20]) == pytest.approx(RIGHT[20], abs=0.01)


def test_what_is_lost_most_of_the_time_is_a_failure_with_a_table(tmp_path: Path) -> None:
    flat = np.full((96, 96, 3), 127, np.uint8)
    clip = write_lossless(tmp_path / "c.mkv", [filmed(texture()), *[flat] * 9], RATE)
    result = measure(clip, "--roi", "24,24,32,32", "-o", tmp_path / "t.csv")
    assert result.exit_code == 1
    assert "P1 was lost in 90% of the frames" in result.stderr
    assert columns(tmp_path / "t.csv")["P1_state"].count("lost") == 9


def test_a_free_decay_gives_the_damping(tmp_path: Path) -> None:
    times = np.arange(160) / RATE
    ratio = 0.02
    moved = 0.6 * np.exp(-ratio * 2 * np.pi * 5 * times) * np.cos(2 * np.pi * 5 * times)
    random = np.random.default_rng(0)
    pictures = [filmed(texture(0, dy, (64, 64)), 0.5, random) for dy in moved - moved[0]]
    clip = write_lossless(tmp_path / "c.mkv", pictures, RATE)
    (place,) = measure_clip(clip, [Region(12, 12, 40, 40)]).places
    assert place.decay is not None
    assert place.decay.frequency == pytest.approx(5, abs=0.02)
    assert place.decay.damping_ratio == pytest.approx(ratio, rel=0.1)
    assert np.abs(place.axis) == pytest.approx((0, 1), abs=0.05)


def test_the_motion_of_a_still_region_is_taken_off(tmp_path: Path) -> None:
    pictures = []
    for camera, own in zip(RIGHT, DOWN, strict=True):
        levels = texture(camera, 0)
        levels[:, 48:] = texture(camera, own, seed=1)[:, 48:]
        pictures.append(filmed(levels))
    clip = write_lossless(tmp_path / "c.mkv", pictures, RATE)
    steady = measure_clip(
        clip, {"A": Region(58, 30, 30, 30)}, stabilise_on=Region(6, 30, 30, 30)
    ).places[0]
    assert np.abs(steady.displacement[:, 0]).max() < 0.02
    assert steady.displacement[:, 1] == pytest.approx(DOWN, abs=0.02)


def test_errors_are_as_large_as_the_scatter(tmp_path: Path) -> None:
    """Noise that is correlated from pixel to pixel scatters more than the fit believes."""
    random = np.random.default_rng(3)
    pictures = [
        filmed(texture() + np.repeat(np.repeat(random.normal(0, 3, (48, 48)), 2, 0), 2, 1))
        for _ in range(64)
    ]
    clip = write_lossless(tmp_path / "c.mkv", pictures, RATE)
    (place,) = measure_clip(clip, [Region(30, 30, 24, 24)], reference=16).places
    assert place.inflation > 1.3
    scatter = place.displacement.std(axis=0).mean()
    assert scatter / 1.5 < place.error.mean() < scatter * 1.5


def test_after_compression_errors_are_called_lower_bounds(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    pictures = [filmed(texture(0.05 * s, 0), 0.5, random) for s in RIGHT]
    options = ("-c:v", "libx264", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1")
    clip = write_lossless(tmp_path / "c.mp4", pictures, RATE, *options)
    result = measure(clip, "--roi", "24,24,32,32", "-o", tmp_path / "t.csv", "--json", "--no-plots")
    report = json.loads(result.stdout)
    assert report["regions"]["P1"]["error_is_lower_bound"]
    assert [caution["code"] for caution in report["cautions"]] == ["copied-blocks"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to measure"),
        (["--roi", "90,0,20,20"], "leaves the picture"),
        (["--roi", "0,0,7,20"], "too small"),
        (["--point", "3,3"], "leaves the picture"),
        (["--point", "a,b"], "is no point"),
        (["--line", "1,2,3"], "is no line"),
        (["--roi", "A=0,0,20,20", "--point", "A=48,48"], "two places are called A"),
        (["--roi", "a b=0,0,20,20"], "is no name"),
        (["--roi", "0,0,20,20", "--scale", "2"], "is no scale"),
        (["--roi", "0,0,20,20", "--scale", "2yd/px"], "unknown unit 'yd'"),
        (["--roi", "0,0,20,20", "--scale", "0mm/px"], "must be above 0"),
        (["--roi", "0,0,20,20", "--scale-between", "1,1,1,1=2mm"], "same place"),
        (["--roi", "0,0,20,20", "--axis", "up"], "is no axis"),
        (["--roi", "0,0,20,20", "--band", "5,3"], "is no band"),
        (["--roi", "0,0,20,20", "--band", "5,16"], "half the frame rate"),
        (["--roi", "0,0,20,20", "--reference", "last"], "is no reference"),
        (["--roi", "0,0,20,20", "--max-frames", "1"], "it needs two"),
        (["--roi", "0,0,20,20", "--stabilise-on", "0,0,200,8"], "leaves the picture"),
    ],
    ids=str,
)
def test_what_cannot_be_leaves_nothing(
    clip: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = measure(clip, "-o", tmp_path / "t.csv", *arguments)
    assert result.exit_code == 2, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "error" in line]
    assert message in line
    assert not list(tmp_path.iterdir())


def test_results_are_not_replaced_unasked(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("{}")
    arguments = (clip, "--roi", "20,20,32,32", "-o", tmp_path / "t.csv", "--no-plots", "-q")
    assert measure(*arguments).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]
    assert measure(*arguments, "-y").exit_code == 0
    assert "regions" in json.loads((tmp_path / "t.json").read_text())


def test_a_known_motion_is_compared(clip: Path, tmp_path: Path) -> None:
    """A sensor with a clock of its own, in mm, that began 0.05 s later than the clip."""
    times = np.arange(0, 2, 0.003)
    length = 0.25 * np.hypot(0.5, 0.2) * np.sin(2 * np.pi * 4 * (times + 0.05)) + 7
    trace, table = tmp_path / "trace.csv", tmp_path / "t.csv"
    rows = [f"{t},{value}" for t, value in zip(times, length, strict=True)]
    trace.write_text("\n".join(["time_s,mm", *rows]))
    arguments = ("--roi", "A=20,20,32,32", "--scale", "0.5mm/px", "--no-plots", "-o", table)
    result = measure(clip, *arguments, "--against", trace)
    assert result.exit_code == 0, result.stderr
    found = json.loads(table.with_suffix(".json").read_text())["settings"]["agreement"]["A"]
    assert found["correlation"] > 0.99
    assert found["gain"] == pytest.approx(2, rel=0.03)
    assert found["lag_s"] == pytest.approx(0.05, abs=0.006)
    assert "A against" in result.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no trace"),
        ("a,b\n1,x\n", "is no trace"),
        ("0,1\n0,2\n", "times that increase"),
        ("50,1\n51,2\n", "share too few frames"),
        (None, "cannot be read as a trace"),
    ],
)
def test_what_is_no_trace_is_told(
    clip: Path, tmp_path: Path, content: str | None, said: str
) -> None:
    trace, table = tmp_path / "trace.csv", tmp_path / "t.csv"
    if content is not None:
        trace.write_text(content)
    arguments = ("--roi", "20,20,32,32", "--no-plots", "-o", table, "--against", trace)
    result = measure(clip, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not table.exists()
