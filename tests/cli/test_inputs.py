"""Many inputs: folders, patterns and lists, and what their outputs are called."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.clips import drifting_pattern, write_clip

QUICK = ["--model", "linear", "--max-frames", "2"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["run", *QUICK, *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips, and one below."""
    for name in ("b.mp4", "a.mp4", "below/a.mp4"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        write_clip(tmp_path / "in" / name, drifting_pattern(3, 24, 32))
    return tmp_path / "in"


def made(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("[!.]*.m*"))


def test_a_folder_of_videos_keeps_its_structure(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "--recursive", "--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert f"{folder}: taken as a folder of 3 videos" in result.stderr
    assert made(tmp_path / "out") == [
        "a_x20_static_linear.mp4",
        "b_x20_static_linear.mp4",
        "below/a_x20_static_linear.mp4",
    ]


def test_without_recursive_folders_below_are_left_out(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--output-dir", tmp_path / "out", "-q").exit_code == 0
    assert len(made(tmp_path / "out")) == 2


def test_names_follow_a_template(folder: Path, tmp_path: Path) -> None:
    name = "{model}-{mode}-{alpha}-{stem}.mkv"
    result = run(folder / "*.mp4", "--output-dir", tmp_path / "out", "--name", name)
    assert result.exit_code == 0, result.stderr
    assert made(tmp_path / "out") == ["linear-static-20-a.mkv", "linear-static-20-b.mkv"]


def test_a_list_holds_inputs_and_jobs(folder: Path, tmp_path: Path) -> None:
    planned = run(folder / "b.mp4", "--dry-run", "--json", "-o", tmp_path / "o.mp4", "-a", "3")
    job = json.loads(planned.stdout)["job"]
    listing = tmp_path / "list.txt"
    listing.write_text(f"# clips\n{folder / 'a.mp4'}\n{json.dumps(job)}\n", encoding="utf-8")
    result = run("--list", listing, "--json")
    assert result.exit_code == 0, result.stderr
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert [report["alpha"] for report in reports] == [20, 3]
    assert made(tmp_path) == sorted(
        ["in/a.mp4", "in/a_x20_static_linear.mp4", "in/b.mp4", "in/below/a.mp4", "o.mp4"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["IN", "--recursive", "--output-dir", "OUT", "--name", "same"],
            "would both be written to",
        ),
        (["IN", "--output", "OUT"], "--output takes a single input; use --output-dir"),
        (["IN/*.avi"], "no file matches"),
        (["IN", "--name", "{clip}"], "has no field {clip}"),
        (["IN/a.mp4", "--name", "x", "-o", "OUT"], "--output and --name exclude each other"),
        (["--list", "IN/none.txt"], "cannot be read as a list"),
        (["--list", "IN/jobs.txt"], "jobs.txt, entry 1: no job"),
    ],
)
def test_what_cannot_work_is_said_before_anything_runs(
    folder: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (folder / "jobs.txt").write_text("{}\n", encoding="utf-8")
    before = made(tmp_path)
    places = {"IN": str(folder), "OUT": str(tmp_path / "out")}
    for name, place in places.items():
        arguments = [argument.replace(name, place, 1) for argument in arguments]
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1 or "taken as" in result.stderr
    assert made(tmp_path) == before


def test_several_inputs_go_on_where_a_command_was_ended(folder: Path, tmp_path: Path) -> None:
    """Outputs of an earlier command are known by what they are, not by their names."""
    (tmp_path / "out").mkdir()
    theirs = tmp_path / "out/b_x20_static_linear.mp4"
    theirs.write_bytes(b"precious")
    command = (folder, "--output-dir", tmp_path / "out")
    first = run(*command)
    assert first.exit_code == 3
    assert f"{theirs} exists; use --overwrite" in first.stderr
    theirs.unlink()
    again = run(*command)
    assert again.exit_code == 0, again.stderr
    assert f"{tmp_path / 'out/a_x20_static_linear.mp4'} is done already" in again.stderr
    assert f"{theirs}: 2 frames in" in again.stderr
    alone = run(*command, "--no-resume")
    assert alone.exit_code == 1
    assert "2 of 2 inputs failed" in alone.stderr


def test_a_single_input_goes_on_if_asked(folder: Path) -> None:
    assert run(folder / "a.mp4").exit_code == 0
    assert run(folder / "a.mp4", "--resume").exit_code == 2
    assert run(folder / "a.mp4", "-o", folder / "c.mp4", "--resume").exit_code == 0
    again = run(folder / "a.mp4", "-o", folder / "c.mp4", "--resume", "--json", "-q")
    assert (again.exit_code, json.loads(again.stdout)["skipped"]) == (0, True)


@pytest.mark.parametrize("name", ["table.csv", "table.json"])
def test_a_table_says_what_came_of_each_input(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / "c.mp4").write_bytes(b"no video")
    table = tmp_path / name
    command = (folder, "--output-dir", tmp_path / "out", "--report", table)
    for states in (["done", "done", "failed"], ["failed", "skipped", "skipped"]):
        assert run(*command).exit_code == 3
        if table.suffix == ".csv":
            with table.open(newline="") as file:
                rows = list(csv.DictReader(file))
        else:
            rows = json.loads(table.read_text())
        assert sorted(row["state"] for row in rows) == states
        done = {Path(row["input"]).name: row for row in rows if row["state"] == "done"}
        assert all(int(row["frames"]) == 2 for row in done.values())
        (failed,) = [row for row in rows if row["state"] == "failed"]
        assert "cannot be read as a video" in failed["error"]


@pytest.mark.parametrize("name", ["table.txt", "none/table.csv"])
def test_tables_that_cannot_be_are_refused_before_any_work(
    folder: Path, tmp_path: Path, name: str
) -> None:
    result = run(folder, "--output-dir", tmp_path / "out", "--report", tmp_path / name)
    assert result.exit_code == 2
    assert "--report" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_single_input_that_fails_has_its_row(tmp_path: Path) -> None:
    broken, table = tmp_path / "broken.mp4", tmp_path / "table.json"
    broken.write_bytes(b"no video")
    command = ["run", str(broken), "--model", "linear", "--device", "cpu", "--report", str(table)]
    assert CliRunner().invoke(app, command).exit_code == 1
    (row,) = json.loads(table.read_text())
    assert row["state"] == "failed"
    assert "cannot be read as a video" in row["error"]
