"""A Ray cluster makes the parts, also where a machine sees no file, and where one dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from magnify.cli import app
from support.videos import make_clip, read_packets

LINEAR = ("--model", "linear", "--device", "cpu", "--lossless", "--no-cautions")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "magnify", *map(str, arguments)]


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", frames=3)
    result = CliRunner().invoke(app, ["run", str(clip), *LINEAR, "--cluster", "auto"])
    assert result.exit_code == 2
    assert "--cluster needs Ray: pip install 'magnify-video[cluster]'" in result.stderr


@pytest.mark.parametrize("other", [("--workers", "2"), ("--no-resume",)], ids=" ".join)
def test_it_goes_with_no_other_way_to_share(other: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["run", "a.mp4", "--cluster", "auto", *other])
    assert result.exit_code == 2
    assert "--cluster takes no --workers and no --no-resume" in result.stderr


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two machines on this one."""
    utils = pytest.importorskip("ray.cluster_utils", reason="needs Ray")
    found = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        yield found
    finally:
        found.shutdown()


def without_cluster(clip: Path, output: Path) -> None:
    arguments = ("run", clip, *LINEAR, "--resume", "--segment-frames", "20", "-q", "-o", output)
    subprocess.run(command(*arguments), check=True)


@pytest.mark.slow
def test_what_a_lost_machine_was_making_is_made_by_another(cluster: Any, tmp_path: Path) -> None:
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    clip = make_clip(
        tmp_path / "in.mkv",
        "-c:v",
        "ffv1",
        "-c:a",
        "flac",
        width=320,
        height=240,
        frames=400,
        audio=1,
    )
    without_cluster(clip, tmp_path / "here.mkv")
    there = tmp_path / "there.mkv"
    arguments = ("--segment-frames", "20", "-o", there, "--cluster", cluster.address)
    running = subprocess.Popen(
        command("run", clip, *LINEAR, *arguments), stderr=subprocess.PIPE, text=True
    )
    folder = tmp_path / ".there.resume.segments.mkv"
    end = time.monotonic() + 120
    while len(list(folder.glob("*.npz"))) < 4:
        assert time.monotonic() < end
        time.sleep(0.05)
    for process in second.all_processes["raylet"]:
        os.kill(process.process.pid, signal.SIGKILL)
    assert running.communicate(timeout=200)
    assert running.returncode == 0
    for stream in ("v:0", "a:0"):
        assert read_packets(there, stream) == read_packets(tmp_path / "here.mkv", stream)
    assert not folder.exists()


@pytest.mark.slow
def test_files_that_machines_do_not_see_are_sent(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", frames=50)
    without_cluster(clip, tmp_path / "here.mkv")
    # The head sees another time than the machines: as if theirs were another file.
    script = (
        "import sys\n"
        "from magnify.jobs import cluster\n"
        "seen = cluster._looked_at\n"
        "cluster._unseen = lambda ray, nodes, paths: {path: len(nodes) for path in paths}\n"
        "from magnify.__main__ import main\n"
        "main()\n"
    )
    there = tmp_path / "there.mkv"
    arguments = ("run", clip, *LINEAR, "--segment-frames", "20", "-o", there)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments), "--cluster", cluster.address],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 of 1 machines cannot see it; sent" in done.stderr
    assert read_packets(there) == read_packets(tmp_path / "here.mkv")


@pytest.mark.slow
def test_several_files_and_one_that_fails(cluster: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_clip(tmp_path / f"{name}.mkv", "-c:v", "ffv1", frames=12)
    (tmp_path / "c.mkv").write_bytes(b"no video")
    out = tmp_path / "out"
    arguments = ("run", tmp_path, *LINEAR, "--output-dir", out, "--cluster", cluster.address)
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "1 of 3 inputs failed" in done.stderr
    made = sorted(path.name for path in out.iterdir() if path.name[0] != ".")
    assert made == ["a_x20_static_linear.mkv", "b_x20_static_linear.mkv"]
