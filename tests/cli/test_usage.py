"""What a wrong command line is told: one line, exit code 2, and what may have been meant."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-v"], "No such option: -v. Did you mean '-V'? See `magnify --help`."),
        (["--verison"], "Did you mean '--version'?"),
        (["rnu"], "No such command 'rnu'. Did you mean 'run'? See `magnify --help`."),
        (["weights"], "A command is missing; choose one of inspect, convert, average."),
        (["weights", "inspct"], "No such command 'inspct'. Did you mean 'inspect'?"),
        (["run", "a.mp4", "--alfa", "5"], "No such option: --alfa. Did you mean '--alpha'?"),
        (["run", "a.mp4", "--alpha"], "See `magnify run --help`."),
        (["run", "a.mp4", "--mode", "Sttic"], "'Sttic' is not one of 'static', 'dynamic'. Did you"),
        (
            ["run", "a.mp4", "--alpha", "x"],
            "'--alpha' / '-a': alpha must be a number or auto, not 'x'. See",
        ),
        (["run", "a.mp4", "--max-frames", "0"], "'0' should be greater than or equal to 1. See"),
        (["run", "a.mp4", "--quiet=5"], "does not take a value. See `magnify run --help`."),
        (["train", "fd4m", "--out", "x"], "Did you mean 'fd4mm'?"),
        (["bandpass", "a.mp4", "--band", "brething"], "Did you mean 'breathing'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line(arguments: list[str], message: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("magnify: error: ")
    assert message in line
    assert "Value error" not in line


@pytest.mark.parametrize(
    ("codec", "meant"),
    [("h264", "libx264"), ("h265", "libx265"), ("hevc", "libx265"), ("libx256", "libx265")],
)
def test_a_codec_that_is_no_encoder(clip: Path, codec: str, meant: str) -> None:
    result = invoke("run", clip, "--codec", codec)
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


def test_without_a_command_the_help_page_comes_first() -> None:
    result = invoke()
    assert result.exit_code == 2
    assert "Usage: magnify" in result.stdout
    (line,) = result.stderr.splitlines()
    assert "A command is missing; choose one of run, bandpass, " in line


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["run", "a.mp4", "--alpha", "5", "--alpha", "20"], "--alpha"),
        (["run", "a.mp4", "-a", "5", "--alpha=5"], "--alpha"),
        (["weights", "convert", "a", "b", "--dtype", "float16", "--dtype", "float32"], "--dtype"),
        (["bench", "--device", "cpu", "--device", "cpu"], "--device"),
    ],
    ids=" ".join,
)
def test_an_option_of_one_value_is_given_once(arguments: list[str], name: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert f"{name} is given twice; give one value. See `magnify" in result.stderr


def test_flags_and_lists_may_be_repeated(clip: Path) -> None:
    assert invoke("run", clip, "-q", "-q", "--dry-run").exit_code == 0
    repeated = invoke("evaluate", "scenes", "missing", "--alpha", "1", "--alpha", "2")
    assert "is given twice" not in repeated.stderr


def test_a_video_stands_for_run_and_the_video(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = invoke("run", clip, "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert invoke(clip, "--dry-run").stdout == planned.stdout
    for missing in ("missing.mp4", "missing/frame", "frame_%04d.png"):
        result = invoke(missing)
        assert (result.exit_code, "No such command" in result.stderr) == (1, False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "bare")
    assert invoke("bare", "--dry-run").stdout.startswith("bare -> ")
    shutil.copy(clip, "models")
    assert "(--model NAME)" in invoke("models").stdout


def test_commands_are_listed_by_what_they_are_for() -> None:
    page = invoke("--help").stdout
    places = [page.index(f"─ {panel} ─") for panel in ("Magnify", "Models", "Laboratory")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("magnify ban", ["bandpass", "bands"]),
        ("magnify bandpass a.mp4 --band guitar-", ["guitar-e", "guitar-high-e"]),
        ("magnify run a.mp4 --model ", ["lbvmm", "fd4mm"]),
        ("magnify run a.mp4 --lossl", ["--lossless"]),
    ],
)
def test_the_shell_completes_commands_options_and_values(typed: str, offered: list[str]) -> None:
    words = typed.split(" ")
    completed = subprocess.run(
        [sys.executable, "-m", "magnify"],
        env={
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
            "_MAGNIFY_COMPLETE": "complete_bash",
            "PYTHONPATH": ":".join(sys.path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(offered) <= set(completed.stdout.split()), completed.stderr


def test_the_package_says_that_it_is_typed() -> None:
    import magnify

    assert (Path(magnify.__path__[0]) / "py.typed").is_file()
