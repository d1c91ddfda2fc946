"""What the inputs of a command stand for."""

from pathlib import Path

import pytest

from magnify.errors import SettingsError
from magnify.jobs.inputs import Input, expanded, listed
from magnify.jobs.names import check_template, output_name, stem_of


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def found(*names: Path, recursive: bool = False) -> tuple[list[Input], list[str]]:
    notices: list[str] = []
    return expanded(names, recursive=recursive, notify=notices.append), notices


def test_a_folder_of_videos_stands_for_each_of_them_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "clip10.mp4", "clip2.MOV", "notes.txt", ".hidden.mp4", "below/clip1.mkv")
    inputs, notices = found(tmp_path)
    assert [one.path.name for one in inputs] == ["clip2.MOV", "clip10.mp4"]
    assert notices == [f"{tmp_path}: taken as a folder of 2 videos"]
    inputs, _ = found(tmp_path, recursive=True)
    assert inputs[2] == Input(tmp_path / "below" / "clip1.mkv", Path("below"))


def test_a_folder_of_pictures_is_one_clip(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/2.png", "b/c/1.jpg")
    assert found(tmp_path / "a")[0] == [Input(tmp_path / "a")]
    inputs, _ = found(tmp_path, recursive=True)
    assert inputs == [
        Input(tmp_path / "a", Path("a")),
        Input(tmp_path / "b" / "c", Path("b", "c")),
    ]


def test_a_folder_of_both_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "a.mp4")
    with pytest.raises(SettingsError, match=r"holds videos \(a.mp4, …\) and pictures \(1.png"):
        found(tmp_path)


def test_an_empty_folder_is_left_to_the_reader(tmp_path: Path) -> None:
    assert found(tmp_path)[0] == [Input(tmp_path)]


def test_patterns_that_the_shell_left_are_expanded(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a.mp4", "c.mkv", "below/d.mp4")
    assert [one.path.name for one in found(tmp_path / "*.mp4")[0]] == ["a.mp4", "b.mp4"]
    assert len(found(tmp_path / "**" / "*.mp4")[0]) == 3
    with pytest.raises(SettingsError, match=r"no file matches .*\.webm"):
        found(tmp_path / "*.webm")


@pytest.mark.parametrize("name", ["frame_%04d.png", "missing.mp4", "odd[1].mp4"])
def test_names_of_files_and_of_pictures_stay(tmp_path: Path, name: str) -> None:
    if name == "odd[1].mp4":
        touch(tmp_path, name)
    assert found(tmp_path / name)[0] == [Input(tmp_path / name)]


def test_a_list_has_one_input_a_line(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text('# clips\na.mp4\n\n  b c.mkv \n{"alpha": 1}\n', encoding="utf-8")
    assert list(listed(file)) == ["a.mp4", "b c.mkv", '{"alpha": 1}']
    with pytest.raises(Exception, match="cannot be read as a list of inputs"):
        list(listed(tmp_path / "none.txt"))


def test_names_follow_the_input_and_the_template(tmp_path: Path) -> None:
    values = {"stem": "in", "alpha": "20", "mode": "static", "model": ""}
    assert output_name(None, values, ".mp4") == "in_x20_static.mp4"
    assert output_name("{stem}-{mode}", values, ".mkv") == "in-static.mkv"
    assert output_name("{mode}{alpha}.mov", values, ".mp4") == "static20.mov"
    assert stem_of(tmp_path / "frame_%04d.png") == "frame"
    assert stem_of(Path("%d.png")) == "frames"
    assert stem_of(tmp_path) == tmp_path.name


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{stem", "is no template"),
        ("{name}", r"has no field \{name\}; use \{stem\}"),
        ("{}", r"has no field \{\}"),
        ("out/{stem}", "must be no path; --output-dir says where"),
    ],
)
def test_templates_that_cannot_work_are_refused(template: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_template(template)
