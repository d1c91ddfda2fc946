"""`magnify train` and `magnify synth` from the command line."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import pytest
import torch
from safetensors import safe_open
from typer.testing import CliRunner, Result

from magnify.checkpoints import BUILT_IN, load_model
from magnify.cli import app
from magnify.engine import runtime
from magnify.lab.synthesis import StoredPairs
from support.checkpoint_samples import write_random_vgg
from support.synthesis_pictures import random_photographs

TINY = ["--crop", "16", "--batch", "1", "--motion", "2", "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """`--images` and `--objects` with folders of a few pictures."""
    folder = tmp_path_factory.mktemp("data")
    photographs = random_photographs()
    kinds = {"images": photographs.backgrounds, "objects": photographs.cutouts}
    for kind, pictures in kinds.items():
        (folder / kind).mkdir()
        for number, picture in enumerate(pictures):
            iio.imwrite(folder / kind / f"{number}.png", picture.permute(1, 2, 0).numpy())
    return ["--images", str(folder / "images"), "--objects", str(folder / "objects")]


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("network", ["lbvmm", "fd4mm", "quick"])
def test_train_writes_loadable_weights_and_resumes(
    network: str, data: list[str], tmp_path: Path
) -> None:
    run = ["train", network, *data, *TINY, "--out", tmp_path]
    result = invoke(*run, "--steps", "1")
    assert result.exit_code == 0, result.stderr
    weights = tmp_path / f"{network}.safetensors"
    assert result.stdout.strip() == str(weights)
    assert load_model(weights).name == network
    assert ("contrastive term of FD4MM's loss is off" in result.stderr) == (network == "fd4mm")
    # Sixteen validation pairs, whatever the batch: reference, query, output and truth of each.
    assert iio.imread(tmp_path / "sheet.png").shape == (16 * 16, 4 * 16, 3)
    refused = invoke(*run, "--steps", "2")
    assert refused.exit_code == 2
    assert "resume it or choose another folder" in refused.stderr
    assert invoke(*run, "--steps", "2", "--resume").exit_code == 0
    steps = [line.split(",")[0] for line in (tmp_path / "metrics.csv").read_text().split()]
    assert steps == ["step", "1", "2"]


@pytest.mark.parametrize("name", ["metrics.csv", "lbvmm.safetensors"])
def test_a_new_run_overwrites_nothing(name: str, data: list[str], tmp_path: Path) -> None:
    (tmp_path / name).write_text("precious")
    result = invoke("train", "lbvmm", *data, *TINY, "--steps", "1", "--out", tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path} holds another run's {name}; choose another folder" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "precious"}


def test_a_resumed_run_remembers_what_it_started_from(data: list[str], tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train = ["train", "lbvmm", *data, *TINY]
    assert invoke(*train, "--steps", "1", "--out", first).exit_code == 0
    weights = first / "lbvmm.safetensors"
    run = [*train, "--out", second]
    assert invoke(*run, "--steps", "1", "--init", weights).exit_code == 0
    assert invoke(*run, "--steps", "2", "--resume").exit_code == 0
    with safe_open(second / "lbvmm.safetensors", framework="pt") as file:
        started = file.metadata()["start"]
    assert started == f"sha256 {hashlib.sha256(weights.read_bytes()).hexdigest()}"
    both = invoke(*run, "--steps", "3", "--resume", "--init", weights)
    assert both.exit_code == 2
    assert "leave --init out" in both.stderr


@pytest.mark.parametrize("network", ["lbvmm", "fd4mm", "quick"])
def test_training_goes_on_from_built_in_weights(
    network: str, data: list[str], tmp_path: Path
) -> None:
    train = ["train", network, *data, *TINY, "--steps", "1", "--out", tmp_path]
    assert invoke(*train, "--init", "no-such-name").exit_code == 1
    result = invoke(*train, "--init", network)
    assert result.exit_code == 0, result.stderr
    with safe_open(tmp_path / f"{network}.safetensors", framework="pt") as file:
        assert file.metadata()["start"].startswith(f"sha256 {BUILT_IN[network].sha256}")


def test_a_resumed_run_remembers_all_of_its_plans(data: list[str], tmp_path: Path) -> None:
    run = ["train", "lbvmm", *data, *TINY, "--out", tmp_path]
    assert invoke(*run, "--steps", "1").exit_code == 0
    same = invoke(*run, "--steps", "1", "--resume")
    assert "another plan" not in same.stderr
    larger = ["24" if word == "16" else word for word in map(str, run)]
    other = invoke(*larger, "--steps", "2", "--resume", "--seed", "3")
    assert other.exit_code == 0, other.stderr
    (line,) = (line for line in other.stderr.splitlines() if "another plan" in line)
    assert line == "magnify: another plan from step 1 on: seed 0 → 3, steps 1 → 2, crop 16 → 24"
    with safe_open(tmp_path / "lbvmm.safetensors", framework="pt") as file:
        plans = json.loads(file.metadata()["plans"])
    assert [(p["from_step"], p["steps"], p["seed"], p["crop"]) for p in plans] == [
        (0, 1, 0, 16),
        (1, 2, 3, 24),
    ]
    assert {plan["data"] for plan in plans} == {"4 photographs, 3 cut-outs"}


@pytest.mark.parametrize("contrast", [True, False])
def test_a_resumed_run_keeps_its_loss(contrast: bool, data: list[str], tmp_path: Path) -> None:
    vgg, other, run = (tmp_path / name for name in ("vgg.pth", "other.pth", "run"))
    write_random_vgg(vgg)
    write_random_vgg(other, seed=1)
    train = ["train", "fd4mm", *data, *TINY, "--out", run]
    assert invoke(*train, "--steps", "1", *(["--vgg", vgg] if contrast else [])).exit_code == 0
    before = (run / "metrics.csv").read_text()
    assert ("contrast" in before) == contrast
    fingerprint = hashlib.sha256(vgg.read_bytes()).hexdigest()
    advice = f"give VGG-19, sha256 {fingerprint} as --vgg" if contrast else "leave --vgg out"
    for wrong in ([], ["--vgg", other]) if contrast else (["--vgg", vgg],):
        refused = invoke(*train, "--steps", "2", "--resume", *wrong)
        assert refused.exit_code == 2
        assert f"{run} holds a run with another loss: {advice}" in refused.stderr.splitlines()[-1]
    assert (run / "metrics.csv").read_text() == before


def test_trained_weights_are_guided_no_more(data: list[str], tmp_path: Path) -> None:
    def guidance(folder: Path) -> list[float]:
        with (folder / "metrics.csv").open() as file:
            return [float(row["guided"]) for row in csv.DictReader(file)]

    fresh, trained = tmp_path / "fresh", tmp_path / "trained"
    train = ["train", "fd4mm", *data, *TINY]
    assert invoke(*train, "--steps", "1", "--out", fresh).exit_code == 0
    assert guidance(fresh)[0] > 0
    run = [*train, "--out", trained]
    assert invoke(*run, "--steps", "1", "--init", fresh / "fd4mm.safetensors").exit_code == 0
    assert invoke(*run, "--steps", "8", "--resume").exit_code == 0
    assert guidance(trained) == [0, 0]


@pytest.mark.parametrize(
    ("network", "faster", "chosen"),
    [("lbvmm", True, "bf16"), ("lbvmm", False, "fp32"), ("fd4mm", True, "fp32")],
)
def test_train_takes_bf16_only_where_it_is_faster(
    network: str,
    faster: bool,
    chosen: str,
    data: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "faster_in_bfloat16", lambda device: faster)
    result = invoke("train", network, *data, *TINY, "--steps", "1", "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    with safe_open(tmp_path / f"{network}.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["run"])["precision"] == chosen


def test_pictures_that_are_kept_from_training_validate_it(data: list[str], tmp_path: Path) -> None:
    few = invoke("train", "lbvmm", *data, *TINY, "--steps", "1", "--out", tmp_path / "few")
    assert "training lbvmm on cpu with 4 photographs, 3 cut-outs\n" in few.stderr
    assert "validation with the same, too few to hold some out\n" in few.stderr
    more = {}
    for kind, folder in (("images", data[1]), ("objects", data[3])):
        more[kind] = tmp_path / kind
        more[kind].mkdir()
        for number in range(50):
            shutil.copy(Path(folder) / "0.png", more[kind] / f"{number}.png")
    data = ["--images", str(more["images"]), "--objects", str(more["objects"])]
    result = invoke("train", "lbvmm", *data, *TINY, "--steps", "1", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    assert "training lbvmm on cpu with 49 photographs, 49 cut-outs\n" in result.stderr
    assert "validation with 1 photographs, 1 cut-outs\n" in result.stderr


def test_written_pairs_can_be_trained_on(data: list[str], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    result = invoke("synth", "pairs", pairs, *data, "--count", "6", "--size", "32", "--motion", "4")
    assert result.exit_code == 0, result.stderr
    assert len(StoredPairs(pairs)) == 6
    tiny = [*TINY[: TINY.index("--motion")], "--device", "cpu"]
    run = ["train", "lbvmm", "--pairs", pairs, *tiny, "--steps", "1", "--out", tmp_path / "run"]
    for name in ("--motion", "--alpha", "--min-alpha", "--input-motion"):
        refused = invoke(*run, name, "3")
        assert refused.exit_code == 2
        assert f"leave {name} out" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert invoke(*run).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "1"], "give --images and --objects, or --pairs"),
        ([], "either in steps or in minutes"),
        (["--minutes", "0"], "choose more than 0"),
        (["--steps", "1", "--vgg", "vgg.pth"], "--vgg is for fd4mm"),
        (["--steps", "1", "--crop", "17"], "crop 17"),
        (["--steps", "1", "--lr", "0"], "a learning rate of 0: choose a finite one above 0"),
        (["--steps", "1", "--lr", "inf"], "a learning rate of inf: choose"),
        (["--steps", "1", "--motion", "inf"], "'--motion': inf is no finite number"),
        (
            ["--steps", "1", "--images", "nowhere", "--objects", "nowhere"],
            "nowhere is not a folder",
        ),
    ],
)
@pytest.mark.parametrize("devices", ["1", "2"])
def test_wrong_usage_is_one_clear_line(
    arguments: list[str], devices: str, message: str, tmp_path: Path
) -> None:
    machine = ["--device", "cpu", "--devices", devices]
    result = invoke("train", "lbvmm", "--out", tmp_path / "run", *machine, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_what_a_run_cannot_work_with_is_one_clear_line(data: list[str], tmp_path: Path) -> None:
    def refused(*arguments: str | Path) -> str:
        result = invoke("train", *arguments, *data, *TINY, "--steps", "1")
        assert result.exit_code in (1, 2)
        assert "Traceback" not in result.stderr
        return result.stderr.splitlines()[-1]

    run = ["train", "lbvmm", *data, *TINY, "--out", tmp_path]
    assert invoke(*run, "--steps", "1").exit_code == 0
    state = tmp_path / "state.pt"
    assert "run of another network" in refused("fd4mm", "--out", tmp_path, "--resume")
    assert "cannot be a run's folder" in refused("lbvmm", "--out", state)
    (tmp_path / "metrics.csv").write_text("")
    assert invoke(*run, "--steps", "2", "--resume").exit_code == 0
    assert (tmp_path / "metrics.csv").read_text().startswith("step,minutes,loss,")
    state.write_bytes(b"")
    assert "not a readable training state" in refused("lbvmm", "--out", tmp_path, "--resume")


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without it")
@pytest.mark.parametrize("devices", ["1", "2"])
def test_a_device_that_is_not_there_is_told_at_once(
    devices: str, data: list[str], tmp_path: Path
) -> None:
    machine = ["--device", "cuda", "--devices", devices]
    run = invoke("train", "lbvmm", *data, "--steps", "1", "--out", tmp_path / "run", *machine)
    assert run.exit_code == 2
    assert run.stderr == "magnify: error: device 'cuda' does not exist here; use --device cpu\n"


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_full_disk_leaves_no_half_state(data: list[str], tmp_path: Path) -> None:
    limited = (
        "import resource, sys; from magnify.__main__ import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)); main()"
    )
    command = ["train", "lbvmm", *data, *TINY, "--steps", "1", "--out", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-c", limited, *command], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert f"magnify: error: {tmp_path / 'state.pt'}: cannot be written" in run.stderr
    assert len(run.stderr.splitlines()) == 4, "the data, that of the validation, a step, the error"
    assert not [path.name for path in tmp_path.iterdir() if "state.pt" in path.name]


def test_synth_pairs_tells_how_far_it_is(data: list[str], tmp_path: Path) -> None:
    synth = ["synth", "pairs", tmp_path / "pairs", *data, "--count", "6", "--size", "32"]
    refused = invoke(*synth, "--motion", "inf")
    assert refused.exit_code == 2
    assert "'--motion': inf is no finite number" in refused.stderr
    result = invoke(*synth, "--motion", "4")
    assert f"magnify: writing {tmp_path / 'pairs'}: 6/6 pairs, " in result.stderr
    assert result.stderr.splitlines()[-2].endswith(" pairs/s")


def test_a_broken_picture_is_named_and_hidden_files_are_none(tmp_path: Path) -> None:
    picture = random_photographs().cutouts[0].permute(1, 2, 0).numpy()
    iio.imwrite(tmp_path / "good.png", picture)
    (tmp_path / "._good.png").write_bytes(b"what another system leaves on a disk")
    synth = ["synth", "pairs", "--images", tmp_path, "--objects", tmp_path, "--size", "32"]
    assert invoke(*synth, tmp_path / "pairs", "--count", "1").exit_code == 0
    (tmp_path / "bad.png").write_bytes(b"no picture")
    result = invoke(*synth, tmp_path / "more", "--count", "1")
    assert result.exit_code == 2
    assert f"{tmp_path / 'bad.png'} is not a readable picture" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_synth_videos_writes_every_case(data: list[str], tmp_path: Path) -> None:
    small = ["--count", "1", "--size", "64", "--frames", "3", "--reach", "4"]
    result = invoke("synth", "videos", tmp_path / "videos", *data, *small)
    assert result.exit_code == 0, result.stderr
    folders = {path.name: path for path in (tmp_path / "videos" / "00").iterdir()}
    assert {"alpha_20", "alpha_5_compressed", "subpixel_0.05"} <= folders.keys()
    truth = json.loads((folders["subpixel_0.05"] / "truth.json").read_text())
    assert truth["alpha"] == pytest.approx(80)
    assert (folders["subpixel_0.05"] / "truth_x80.mkv").is_file()


@pytest.mark.gpu
@pytest.mark.parametrize("network", ["lbvmm", "fd4mm", "quick"])
def test_train_on_a_gpu(network: str, data: list[str], tmp_path: Path) -> None:
    tiny = ["--crop", "32", "--batch", "2", "--motion", "2", "--device", "cuda"]
    result = invoke("train", network, *data, *tiny, "--steps", "2", "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert load_model(tmp_path / f"{network}.safetensors").name == network


@pytest.mark.slow
def test_two_processes_train_one_network(data: list[str], tmp_path: Path) -> None:
    command = ["train", "fd4mm", *data, *TINY, "--precision", "fp32"]
    for length in (["--steps", "2"], ["--steps", "4", "--resume"]):
        run = subprocess.run(
            [
                *(sys.executable, "-m", "magnify", *command, *length),
                *("--devices", "2", "--out", str(tmp_path)),
            ],
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert "Warning" not in run.stderr
        assert run.stdout.strip() == str(tmp_path / "fd4mm.safetensors")
    assert load_model(tmp_path / "fd4mm.safetensors").name == "fd4mm"
    with safe_open(tmp_path / "fd4mm.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["run"])["processes"] == 2


@pytest.mark.slow
def test_what_two_processes_cannot_read_is_told_once(data: list[str], tmp_path: Path) -> None:
    shutil.copytree(data[1], tmp_path / "images")
    (tmp_path / "images" / "bad.png").write_bytes(b"no picture")
    folders = ["--images", str(tmp_path / "images"), *data[2:]]
    command = ["train", "lbvmm", *folders, *TINY, "--steps", "1", "--out", str(tmp_path / "run")]
    run = subprocess.run(
        [sys.executable, "-m", "magnify", *command, "--devices", "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert f"{tmp_path / 'images' / 'bad.png'} is not a readable picture" in line


@pytest.mark.slow
def test_ending_a_run_ends_its_processes(data: list[str], tmp_path: Path) -> None:
    command = ["train", "lbvmm", *data, *TINY, "--minutes", "5", "--precision", "fp32"]
    run = subprocess.Popen(
        [sys.executable, "-m", "magnify", *command, "--devices", "2", "--out", str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    metrics = tmp_path / "metrics.csv"
    try:
        for _ in range(600):
            if metrics.exists():
                break
            time.sleep(0.1)
        assert metrics.exists()
    finally:
        run.terminate()
    assert run.wait(60) == 143
    written = metrics.stat().st_size
    time.sleep(3)
    assert metrics.stat().st_size == written
