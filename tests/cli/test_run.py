"""The command as people and scripts meet it: names, exit codes, what goes to which stream."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from magnify.checkpoints import load_checkpoint, write_checkpoint
from magnify.cli import app
from support.checkpoint_samples import BY_NAME
from support.clips import drifting_pattern, read_clip, write_clip

FAST = ["--device", "cpu", "--precision", "fp32"]


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run(*arguments: str | Path) -> Result:
    return invoke("run", *(FAST if "--device" not in arguments else []), *arguments)


def error_lines(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("magnify: error: ")]


def test_help_and_version_need_no_torch() -> None:
    program = (
        "import sys, magnify.cli as c\n"
        "from typer.testing import CliRunner\n"
        "for option in ('--help', '--version'):\n"
        "    assert CliRunner().invoke(c.app, [option]).exit_code == 0\n"
        "assert CliRunner().invoke(c.app, ['run', '--help']).exit_code == 0\n"
        "assert not {'torch', 'scipy', 'av', 'numpy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_result_lies_beside_the_input_and_is_named_after_what_was_done(clip: Path) -> None:
    result = run(clip)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert len(read_clip(clip.with_name("clip_x20_static.mp4"))) == 12


def test_alpha_and_mode_are_in_the_name(clip: Path) -> None:
    assert run(clip, "--alpha", "7.5", "--mode", "dynamic", "--max-frames", "2").exit_code == 0
    assert len(read_clip(clip.with_name("clip_x7.5_dynamic.mp4"))) == 2


def test_other_weights_and_references_are_in_the_name(clip: Path, tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    assert invoke("weights", "convert", "lbvmm", weights).exit_code == 0
    for arguments, name in (
        (["--model", "lbvmm"], "clip_x20_static.mp4"),
        (["--model", "fd4mm"], "clip_x20_static_fd4mm.mp4"),
        (["--weights", weights], "clip_x20_static_own.mp4"),
        (["--reference", "5"], "clip_x20_static-5.mp4"),
        (["--reference", "mean:3"], "clip_x20_static-mean3.mp4"),
    ):
        planned = json.loads(run(clip, "--dry-run", "--json", *arguments).stdout)
        assert Path(planned["output"]).name == name


def test_a_links_result_lies_beside_the_link(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "link.mp4").symlink_to(clip)
    assert run(tmp_path / "links" / "link.mp4", "--max-frames", "1").exit_code == 0
    assert len(read_clip(tmp_path / "links" / "link_x20_static.mp4")) == 1


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio.v3 as iio

    (tmp_path / "pictures" / "sub").mkdir(parents=True)
    for number, picture in enumerate(drifting_pattern(2, 24, 32)):
        iio.imwrite(tmp_path / "pictures" / f"{number}.png", picture)
    for place, given in (("pictures", "."), ("pictures/sub", "..")):
        monkeypatch.chdir(tmp_path / place)
        planned = json.loads(run(given, "--fps", "5", "--dry-run", "--json").stdout)
        assert planned["output"] == str(tmp_path / "pictures_x20_static.mp4")


def test_what_exists_is_not_overwritten_unless_asked(clip: Path) -> None:
    output = clip.with_name("clip_x20_static.mp4")
    output.write_bytes(b"precious")
    result = run(clip)
    assert result.exit_code == 2
    assert "exists; use --overwrite" in result.stderr
    assert run(clip, "--skip-existing").exit_code == 0
    assert output.read_bytes() == b"precious"
    assert run(clip, "--overwrite").exit_code == 0
    assert len(read_clip(output)) == 12


def test_where_no_card_decodes_the_cpu_does_and_says_so(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    results = [run(clip, "--hwaccel", choice, "--overwrite") for choice in ("off", "auto")]
    assert [result.exit_code for result in results] == [0, 0]
    notice = "no NVIDIA card can decode this video; the CPU does"
    assert [notice in result.stderr for result in results] == [False, True]
    assert len(read_clip(clip.with_name("clip_x20_static.mp4"))) == 12


@pytest.mark.parametrize("link", [None, "symbolic", "hard"])
def test_an_input_is_never_the_output(clip: Path, link: str | None) -> None:
    output = clip
    if link is not None:
        output = clip.with_name("alias.mp4")
        (output.symlink_to if link == "symbolic" else output.hardlink_to)(clip)
    content = clip.read_bytes()
    result = run(clip, "-o", output, "--overwrite")
    assert result.exit_code == 2
    assert len(error_lines(result)) == 1
    assert clip.read_bytes() == content


def test_json_prints_one_object_per_output_and_nothing_else(clip: Path, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mp4", drifting_pattern(3, 24, 32))
    result = run(clip, other, "--output-dir", tmp_path / "new" / "out", "--json")
    assert result.exit_code == 0, result.stderr
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert [report["frames"] for report in reports] == [12, 3]
    assert [Path(report["input"]) for report in reports] == [clip, other]
    for report in reports:
        assert Path(report["output"]).is_file()
        assert report["alpha"] == 20
        assert report["mode"] == {"name": "static", "index": 0, "mean_of": 1}
        assert report["model"].startswith("lbvmm")
        assert len(report["weights_sha256"]) == 64
        assert (report["device"], report["precision"]) == ("cpu", "fp32")
        assert report["seconds"] > 0


def test_one_failure_does_not_stop_the_others(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    missing = tmp_path / "missing.mp4"
    result = run(broken, clip, missing, "--json")
    assert result.exit_code == 3
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["input"] for line in lines} == {str(broken), str(clip), str(missing)}
    assert {line["input"] for line in lines if "error" in line} == {str(broken), str(missing)}
    errors = error_lines(result)
    assert errors[0].startswith("magnify: error: [1/3] ")
    assert "broken.mp4" in errors[0]
    assert errors[1].startswith("magnify: error: [3/3] ")
    assert "missing.mp4" in errors[1]
    assert errors[2] == "magnify: error: 2 of 3 inputs failed"
    assert clip.with_name("clip_x20_static.mp4").is_file()


def test_all_of_several_failing_is_a_plain_failure(tmp_path: Path) -> None:
    assert run(tmp_path / "a.mp4", tmp_path / "b.mp4").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alpha", "-1"], "alpha must be"),
        (["--alpha", "nan"], "alpha must be"),
        (["--alpha", "1e30"], "alpha must be"),
        (["--device", "toaster"], "unknown device"),
        (["--reference", "last"], "reference 'last'"),
        (["--reference", "99"], "the clip has 12 frames"),
        (["--reference", "2", "--mode", "dynamic"], "--reference belongs to"),
        (["--start", "soon"], "'soon' is no time"),
        (["--overwrite", "--skip-existing"], "exclude each other"),
        (["--codec", "no_such_codec"], "no_such_codec"),
        (["--codec", "rawvideo"], "rawvideo is not a video encoder"),
        (["--mode", "sideways"], "'sideways' is not one of"),
        (["--container", "nut"], "--container is for what goes through a pipe"),
        (["--output", "-", "--json"], "--json and -o - would both print on standard output"),
        (["--output", "-", "--workers", "2"], "takes no --resume, --workers or --cluster"),
        (["--output", "-", "--resume"], "takes no --resume, --workers or --cluster"),
        (["-"], "a pipe carries one video"),
        (["--pix-fmt", "no_such_format"], "no_such_format"),
        (["--frobnicate"], "--frobnicate"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    clip: Path, arguments: list[str], message: str
) -> None:
    before = sorted(clip.parent.iterdir())
    result = run(clip, *arguments)
    assert result.exit_code == 2, result.stderr
    (line,) = error_lines(result)
    assert message in line
    assert result.stdout == ""
    assert sorted(clip.parent.iterdir()) == before


@pytest.mark.parametrize("group", ["weights", "synth"])
def test_a_group_without_its_command_says_so(group: str) -> None:
    result = invoke(group)
    assert result.exit_code == 2
    assert "magnify: error:  See" not in result.stderr


def test_an_output_never_replaces_another_input(clip: Path) -> None:
    other = clip.with_name("clip_x20_static.mp4")
    other.write_bytes(clip.read_bytes())
    result = run(clip, other, "--overwrite")
    assert result.exit_code == 3
    assert "is one of the inputs" in error_lines(result)[0]
    assert other.read_bytes() == clip.read_bytes()
    assert clip.with_name("clip_x20_static_x20_static.mp4").is_file()


def test_an_empty_folder_may_be_written_to(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "magnified").mkdir()
    assert run(clip, "-o", f"{tmp_path / 'magnified'}/").exit_code == 0
    assert len(list((tmp_path / "magnified").iterdir())) == 12


def test_a_name_that_the_system_refuses_stops_no_other_input(clip: Path, tmp_path: Path) -> None:
    result = run(tmp_path / ("x" * 300 + ".mp4"), clip)
    assert result.exit_code == 3
    assert len(error_lines(result)) == 2
    assert clip.with_name("clip_x20_static.mp4").is_file()


def test_the_longest_name_that_the_system_allows(clip: Path) -> None:
    output = clip.with_name("x" * 251 + ".mp4")
    assert run(clip, "-o", output).exit_code == 0
    assert len(read_clip(output)) == 12


def test_two_inputs_for_one_output_are_refused(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    twin = write_clip(tmp_path / "folder" / "clip.mp4", drifting_pattern(2, 24, 32))
    result = run(clip, twin, "--output-dir", tmp_path / "out")
    assert result.exit_code == 2
    assert "would both be written" in result.stderr
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_there_fail(clip: Path) -> None:
    result = run(clip, "--weights", "missing.pth")
    assert result.exit_code == 1
    (line,) = error_lines(result)
    assert "no such weight file" in line


@pytest.mark.parametrize("command", [["run", "--mode", "dynamic"], ["bandpass", "--low", "2"]])
def test_a_published_fd4mm_checkpoint_is_recognised_and_run(
    clip: Path, tmp_path: Path, command: list[str]
) -> None:
    weights = tmp_path / "fd4mm.pth"
    layout = BY_NAME["fd4mm"]
    state = layout.build().state_dict()
    published = {f"module.{name}": state[ours] for name, ours in layout.tensors.items()}
    torch.save(published, weights)
    result = invoke(*command, *FAST, clip, "--weights", weights, "--model", "fd4mm", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["model"], report["frames"]) == ("fd4mm", 12)
    assert read_clip(Path(report["output"])).shape == (12, 40, 48, 3)
    other = invoke("run", *FAST, clip, "--weights", weights, "--model", "lbvmm")
    assert other.exit_code == 2
    assert "holds fd4mm, not lbvmm" in other.stderr


def test_termination_leaves_nothing_behind_either(tmp_path: Path) -> None:
    assert interrupted_by(signal.SIGTERM, tmp_path) == 143


def test_hanging_up_leaves_nothing_behind_either(tmp_path: Path) -> None:
    assert interrupted_by(signal.SIGHUP, tmp_path) == 129


def test_dry_run_says_what_would_be_done_and_does_nothing(clip: Path) -> None:
    before = sorted(clip.parent.iterdir())
    result = run(clip, "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    plan = json.loads(result.stdout)
    assert plan["dry_run"] is True
    assert (plan["frames"], plan["width"], plan["height"]) == (12, 48, 40)
    assert run(clip, "--dry-run").stdout.startswith(f"{clip} -> ")
    assert sorted(clip.parent.iterdir()) == before


def test_dry_run_finds_what_would_go_wrong(clip: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["--codec", "nonsense"], "no video encoder nonsense"),
        (["-o", tmp_path / "nowhere" / "x.mp4"], "there is no folder"),
        (["-o", tmp_path / "x.xyz"], "cannot write .xyz files"),
        (["-o", clip, "--overwrite"], "is the input itself"),
        (["--reference", "99"], "the reference needs frame 99, but the clip has 12 frames"),
        (["--output-dir", clip / "sub"], f"cannot make the folder {clip / 'sub'}"),
    ):
        result = run(clip, "--dry-run", *arguments)
        assert result.exit_code in (1, 2)
        assert message in result.stderr
    fine = run(clip, "--dry-run", "--json", "--output-dir", tmp_path / "later", "--pix-fmt", "gray")
    assert fine.exit_code == 0, fine.stderr
    assert not (tmp_path / "later").exists()
    fir = ["--low", "0.2", "--high", "0.22", "--filter", "fir", "--memory-budget", "1M"]
    result = invoke("bandpass", clip, *fir, "--dry-run")
    assert result.exit_code == 2
    assert "of this clip in memory" in result.stderr


def test_quiet_says_nothing(clip: Path) -> None:
    result = run(clip, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    result = run(clip, "--quiet", "--dry-run", "--overwrite")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_progress_is_plain_lines_where_there_is_no_terminal(clip: Path) -> None:
    lines = run(clip).stderr.splitlines()
    assert any("magnifying clip.mp4: 12/12 frames" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_only_the_part_asked_for_is_magnified(clip: Path) -> None:
    output = clip.with_name("part.mp4")
    assert run(clip, "-o", output, "--start", "0.16", "--end", "0:0.32").exit_code == 0
    assert len(read_clip(output)) == 4


def test_a_truncated_input_is_magnified_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", drifting_pattern(60, 64, 64))
    cut = tmp_path / "cut.mkv"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    result = run(cut, "--json")
    assert result.exit_code == 1
    (line,) = error_lines(result)
    assert "cut.mkv" in line
    report = json.loads(result.stdout)
    frames = len(read_clip(Path(report["output"])))
    assert 0 < frames < 60
    assert report["frames"] == frames
    assert "its end is missing" in report["notices"][-1]


def test_pictures_need_a_frame_rate(tmp_path: Path) -> None:
    import imageio.v3 as iio

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(drifting_pattern(3, 24, 32)):
        iio.imwrite(folder / f"frame_{number:03d}.png", picture)
    result = run(folder)
    assert result.exit_code == 2
    assert "--fps" in result.stderr or "fps" in result.stderr
    output = tmp_path / "magnified"
    assert run(folder, "--fps", "10", "-o", f"{output}/").exit_code == 0
    assert len(list(output.iterdir())) == 3
    dotted = folder.rename(tmp_path / "take.2")
    assert run(dotted, "--fps", "10").exit_code == 0
    assert len(read_clip(tmp_path / "take.2_x20_static.mp4")) == 3
    folder = dotted
    assert run(folder / "frame_%03d.png", "--fps", "10").exit_code == 0
    assert len(read_clip(folder / "frame_x20_static.mp4")) == 3


def test_ctrl_c_leaves_nothing_behind_and_exits_with_130(tmp_path: Path) -> None:
    assert interrupted_by(signal.SIGINT, tmp_path) == 130


def interrupted_by(number: signal.Signals, folder: Path) -> int:
    """The exit code of a run that got a signal half-way; its folder must be as it was."""
    clip = write_clip(folder / "clip.mp4", np.tile(drifting_pattern(30, 64, 64), (60, 1, 1, 1)))
    command = [sys.executable, "-m", "magnify", "run", str(clip), *FAST]
    heard = signal.signal(number, signal.SIG_DFL)  # nohup has it ignored, which is inherited
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
    finally:
        signal.signal(number, heard)
    with process:
        try:
            deadline = time.monotonic() + 60
            while len(list(folder.iterdir())) == 1 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert list(folder.glob(".clip_x20_static.*")), "the temporary file did not appear"
            process.send_signal(number)
            code = process.wait(timeout=30)
        finally:
            process.kill()
    assert list(folder.iterdir()) == [clip]
    return code


def test_models_lists_what_is_built_in_and_what_can_be_loaded() -> None:
    text = invoke("models").stdout
    for expected in (
        "lbvmm (default)",
        "ECCV 2018",
        "CVPR 2024",
        "lbvmm-official",
        "MB",
        "licence",
    ):
        assert expected in text
    listed = json.loads(invoke("models", "--json").stdout)
    assert [entry["name"] for entry in listed["built_in"]] == ["lbvmm", "fd4mm", "quick"]
    assert len(listed["layouts"]) == 7


def test_weights_can_be_inspected_and_converted(tmp_path: Path) -> None:
    output = tmp_path / "own.safetensors"
    assert invoke("weights", "convert", "lbvmm", output).exit_code == 0
    assert invoke("weights", "convert", "lbvmm", output).exit_code == 1
    original = json.loads(invoke("weights", "inspect", "lbvmm", "--json").stdout)
    converted = json.loads(invoke("weights", "inspect", output, "--json").stdout)
    assert converted["layout"] == original["layout"]
    assert converted["parameters"] == original["parameters"] == 918_928
    assert converted["metadata"]["source_sha256"] == original["sha256"]
    listing = invoke("weights", "inspect", output, "--tensors").stdout
    assert "encoder.conv1.weight 16x3x7x7" in listing
    before = output.read_bytes()
    for target, message in ((output, "is the input itself"), ("own.pth", "name it so")):
        result = invoke("weights", "convert", output, target, "--dtype", "float16", "--overwrite")
        assert result.exit_code == 2
        assert message in result.stderr
    assert output.read_bytes() == before


def test_weights_are_averaged(tmp_path: Path) -> None:
    other, mean = tmp_path / "other.safetensors", tmp_path / "mean.safetensors"
    built_in = load_checkpoint("lbvmm")
    shifted = {name: tensor + 3 for name, tensor in built_in.tensors.items()}
    said = {**built_in.metadata, "start": "another", "licence": "MIT"}
    write_checkpoint(other, built_in.layout, shifted, said)
    result = invoke("weights", "average", "lbvmm", other, other, "-o", mean)
    assert result.exit_code == 0, result.stderr
    averaged = load_checkpoint(mean)
    for name, tensor in built_in.tensors.items():
        torch.testing.assert_close(averaged.tensors[name], tensor + 2)
    theirs = load_checkpoint(other).sha256
    start = f"mean of sha256 {built_in.sha256}, {theirs}, {theirs}"
    assert averaged.metadata == {**built_in.metadata, "start": start}
    assert invoke("weights", "average", other, other, "-o", mean, "--overwrite").exit_code == 0
    assert load_checkpoint(mean).metadata["licence"] == "MIT"
    before = mean.read_bytes()
    for files, message, code in (
        (["lbvmm"], "takes two weights or more", 2),
        (["lbvmm", mean], "is the input itself", 2),
        (["lbvmm", "fd4mm"], "only weights of one layout have a mean", 1),
    ):
        refused = invoke("weights", "average", *files, "-o", mean, "--overwrite")
        assert refused.exit_code == code
        assert message in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert invoke("weights", "average", "lbvmm", other, "-o", mean).exit_code == 1
    assert mean.read_bytes() == before


def test_a_missing_value_names_the_commands_own_help() -> None:
    assert "See `magnify run --help`" in invoke("run", "in.mp4", "--alpha").stderr


def test_names_that_the_terminal_cannot_show_are_spelt_out(clip: Path) -> None:
    import shutil

    name = clip.with_name("日本.mp4")
    shutil.copy(clip, name)
    done = subprocess.run(
        [sys.executable, "-m", "magnify", "run", name, "--dry-run"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=True,
    )
    assert rb"\u65e5\u672c.mp4" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_printed_is_no_failed_input(clip: Path, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "magnify", "run", clip, "-q", "--json", "--max-frames", "1"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().strip() == (
        "magnify: error: standard output cannot be written: No space left on device"
    )


def test_a_saved_job_is_run_again(clip: Path, tmp_path: Path) -> None:
    saved = tmp_path / "job.json"
    done = run(clip, "--alpha", "5", "--max-frames", "3", "--json", "--save-job", saved)
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["model"], report["layout"]) == ("lbvmm", "lbvmm-magnify")
    assert report["job"] == json.loads(saved.read_text())
    output = Path(report["output"])
    first = output.read_bytes()

    taken = invoke("run", "--from-job", saved)
    assert taken.exit_code == 2
    assert "exists; use --overwrite" in taken.stderr
    assert invoke("run", "--from-job", saved, "-y", "-q").exit_code == 0
    (tmp_path / "report.json").write_text(done.stdout)
    other = tmp_path / "other.mp4"
    assert invoke("run", "--from-job", tmp_path / "report.json", "-o", other).exit_code == 0
    assert len(first) == len(output.read_bytes()) == len(other.read_bytes())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alpha", "5"], "--alpha is decided by the job of --from-job; leave it out"),
        (["in.mp4"], "INPUT is decided by the job"),
        ([], "job.json: cannot be read as a job"),
    ],
)
def test_what_a_job_decides_is_not_said_again(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = invoke("run", "--from-job", tmp_path / "job.json", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_input_or_a_job_is_needed() -> None:
    for command in (["run"], ["bandpass", "--low", "1"]):
        result = invoke(*command)
        assert result.exit_code == 2
        assert "INPUT is missing" in result.stderr
