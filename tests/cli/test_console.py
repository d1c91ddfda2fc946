"""What is printed: one line a message, nothing that steers a terminal, no stream needed."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from magnify.cli import app
from magnify.cli.console import LONGEST_MESSAGE, error_line, notice_line
from magnify.errors import printable
from support.clips import drifting_pattern, write_clip
from support.zygote import CLOSED, Zygote

FAST = ("--device", "cpu", "--precision", "fp32", "--max-frames", "2")
FULL = "/dev/full"
needs_full = pytest.mark.skipif(not Path(FULL).exists(), reason="needs /dev/full")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    with Zygote() as made:
        yield made


@pytest.fixture
def clips(clip: Path, tmp_path: Path) -> list[Path]:
    return [clip, write_clip(tmp_path / "other.mp4", drifting_pattern(3, 24, 32))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcödé, 日本, [bold]no[/bold] \\", None),
        ("\x1b]0;owned\x07\x1b[2J", r"\x1b]0;owned\x07\x1b[2J"),
        ("two\r\nlines\tand \x00 \x7f", r"two\r\nlines\tand \x00 \x7f"),
        ("C1 \x9b, bidi \u202e, \u2066, line \u2028", r"C1 \x9b, bidi \u202e, \u2066, line \u2028"),
        ("no UTF-8: \udcff", r"no UTF-8: \udcff"),
    ],
)
def test_all_but_printable_characters_are_escaped(
    text: str, shown: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = text if shown is None else shown
    assert printable(text) == shown
    error_line(text)
    notice_line(text)
    assert capsys.readouterr().err == f"magnify: error: {shown}\nmagnify: {shown}\n"


def test_a_long_message_keeps_its_ends(capsys: pytest.CaptureFixture[str]) -> None:
    error_line("what " + "\x1b" * 10**6 + " to do")
    line = capsys.readouterr().err
    assert len(line) < LONGEST_MESSAGE + 10
    assert line.startswith(r"magnify: error: what \x1b\x1b")
    assert line.endswith(" to do\n")


NAME = "we\x1b]0;x\x07ir\r\nd\u202e [bold]\udcff.mp4"
SHOWN = r"we\x1b]0;x\x07ir\r\nd\u202e [bold]\udcff.mp4"


def test_names_cannot_steer_the_terminal(clip: Path) -> None:
    missing = CliRunner().invoke(app, ["run", NAME])
    assert missing.stderr == f"magnify: error: {SHOWN}: no such file\n"
    strange = clip.with_name(NAME)
    try:
        clip.rename(strange)
    except OSError as error:
        pytest.skip(f"this file system refuses the name: {error}")
    done = CliRunner().invoke(app, ["run", str(strange), *FAST, "--json"])
    assert done.exit_code == 0, done.stderr
    assert f"magnifying {SHOWN}: 2/2 frames" in done.stderr
    assert done.stderr.replace("\n", "").isprintable()
    assert json.loads(done.stdout)["input"] == str(strange)
    sliced = CliRunner().invoke(app, ["slice", str(strange), "--row", "3"])
    assert sliced.exit_code == 0, sliced.stderr
    assert sliced.stdout.endswith(SHOWN.replace(".mp4", "_slice.png\n"))
    assert len(sliced.stdout.splitlines()) == 1
    for option in ("--codec", "--device", "--preset"):
        refused = CliRunner().invoke(app, ["run", str(strange), "-y", option, "a\x1b[2J\nb"])
        assert refused.exit_code == 2
        assert r"a\x1b[2J\nb" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def on_a_terminal(command: list[str | Path]) -> tuple[int, str]:
    """The exit code of a command on a terminal, and what it writes there."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                written += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    return process.wait(), written.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
def test_the_bar_of_a_terminal_shows_names_as_they_are(clip: Path) -> None:
    strange = clip.rename(clip.with_name("[bold]b\x07.mp4"))
    code, written = on_a_terminal([sys.executable, "-m", "magnify", "run", strange, *FAST])
    assert code == 0
    assert r"magnifying [bold]b\x07.mp4" in written
    assert "\x07" not in written


@pytest.mark.parametrize("stderr", [CLOSED, pytest.param(FULL, marks=needs_full)])
@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_messages_that_cannot_be_written_cost_no_result(
    stderr: str, quiet: tuple[str, ...], clips: list[Path], tmp_path: Path, zygote: Zygote
) -> None:
    arguments = ["run", *clips, *FAST, "--output-dir", tmp_path / "out", "--json", *quiet]
    assert zygote.run(arguments, tmp_path / "stdout", stderr) == 0
    reports = [json.loads(line) for line in (tmp_path / "stdout").read_text().splitlines()]
    assert [report["frames"] for report in reports] == [2, 2]
    assert all(Path(report["output"]).is_file() for report in reports)


@pytest.mark.parametrize(
    ("stdout", "reason"),
    [
        (CLOSED, "it is closed"),
        pytest.param(FULL, os.strerror(errno.ENOSPC), marks=needs_full),
    ],
)
def test_json_that_cannot_be_written_is_said_after_the_work(
    stdout: str, reason: str, clips: list[Path], tmp_path: Path, zygote: Zygote
) -> None:
    out, errors = tmp_path / "out", tmp_path / "stderr"
    arguments = ["run", *clips, *FAST, "--output-dir", out, "--json", "-q"]
    assert zygote.run(arguments, stdout, errors) == 1
    assert len(list(out.glob("*.mp4"))) == 2
    assert errors.read_text() == (f"magnify: error: standard output cannot be written: {reason}\n")
    assert zygote.run(["run", *clips, *FAST, "-y", "-q", "--output-dir", out], stdout, errors) == 0


@pytest.mark.parametrize("command", [["models"], ["--version"], ["bands", "--json"]])
@needs_full
def test_what_is_asked_for_and_cannot_be_printed_is_an_error(
    command: list[str], tmp_path: Path, zygote: Zygote
) -> None:
    assert zygote.run(command, FULL, FULL) == 1
    assert zygote.run(command, FULL, tmp_path / "stderr") == 1
    (line,) = (tmp_path / "stderr").read_text().splitlines()
    assert line == f"magnify: error: standard output cannot be written: {os.strerror(errno.ENOSPC)}"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_reader_who_leaves_costs_no_result(clips: list[Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "magnify", "run", *clips, *FAST, "--output-dir"]
    quoted = " ".join(f"'{word}'" for word in command)
    for number, (rest, code) in enumerate((("2>&1 | true", 0), ("--json -q 2>err | true", 1))):
        out = tmp_path / str(number)
        script = f"cd {tmp_path}; {quoted} {out} {rest}; exit ${{PIPESTATUS[0]}}"
        assert subprocess.run(["bash", "-c", script], check=False).returncode == code
        assert len(list(out.glob("*.mp4"))) == 2
    assert "standard output cannot be written" in (tmp_path / "err").read_text()


def test_a_closed_descriptor_is_not_given_to_a_file(
    clip: Path, tmp_path: Path, zygote: Zygote
) -> None:
    whole, output = tmp_path / "whole.mp4", tmp_path / "output.mp4"
    assert zygote.run(["run", clip, *FAST, "-o", whole], os.devnull, os.devnull) == 0
    assert zygote.run(["run", clip, *FAST, "-o", output], CLOSED, CLOSED) == 0
    assert output.read_bytes() == whole.read_bytes()
