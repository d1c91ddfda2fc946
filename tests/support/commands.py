"""Whole commands on tiny clips, and what each writes when nothing disturbs it."""

import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from magnify.jobs.ledger import LEDGER
from support.clips import drifting_pattern, write_clip
from support.zygote import Zygote

FAST = ("--device", "cpu", "--precision", "fp32")
LINEAR = (*FAST, "--model", "linear")
MAGNIFYING = {
    "static": ("run", *LINEAR),
    "dynamic": ("run", *LINEAR, "--mode", "dynamic"),
    "lossless": ("run", *LINEAR, "--lossless"),
    "whole clip": ("bandpass", *LINEAR, "--low", "2", "--high", "6", "--zero-phase"),
    "network": ("run", *FAST),
}
"""Those that take many inputs, and --output-dir."""

SINGLE = {
    "pictures": ("run", *LINEAR, "pictures"),
    "gif": ("run", *LINEAR, "clip.gif"),
    "slice": ("slice", "--row", "3", "slice.png"),
    "measure": ("measure", "--point", "30,20", "--no-plots", "table.csv"),
    "analyze": ("analyze", "--no-plots", "analysis"),
}
"""Those that take one input; the last word is the output's name."""


def make_clips(folder: Path, number: int = 2) -> list[Path]:
    """Clips of 36 frames of 64 x 48, the least that can be analysed."""
    pictures = drifting_pattern(36, 48, 64)
    return [
        write_clip(folder / f"{name}.mp4", np.roll(pictures, name, axis=2))
        for name in range(number)
    ]


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, hidden files too; a folder without files is named as well.

    Of the ledger of what is done, which holds times, there is only the name.
    """
    return {f"{path.relative_to(folder)}": _content(path) for path in sorted(folder.rglob("*"))}


def _content(path: Path) -> bytes:
    if path.is_dir() or path.name == LEDGER:
        return b""
    if path.suffix not in (".mkv", ".webm"):
        return path.read_bytes()
    try:  # the bytes of two Matroska files differ: each has a number of its own
        with av.open(path) as container:
            return b"".join(bytes(packet) for packet in container.demux())
    except av.FFmpegError:
        return path.read_bytes()


@dataclass
class Commands:
    """Draws commands, runs them in forks, and knows their whole results."""

    clips: list[Path]
    zygote: Zygote
    folder: Path
    whole: dict[tuple[str, int], dict[str, bytes]] = field(default_factory=dict)
    seconds: dict[tuple[str, int], float] = field(default_factory=dict)

    @property
    def stdout(self) -> Path:
        return self.folder / "stdout"

    @property
    def stderr(self) -> Path:
        return self.folder / "stderr"

    def draw(self, draw: random.Random) -> tuple[str, int]:
        """A command's name and its number of inputs."""
        name = draw.choice([*MAGNIFYING, *SINGLE])
        return name, draw.randint(1, len(self.clips)) if name in MAGNIFYING else 1

    def arguments(self, name: str, inputs: int, output: Path) -> list[str | Path]:
        if name in MAGNIFYING:
            return [*MAGNIFYING[name], *self.clips[:inputs], "--output-dir", output]
        *words, last = SINGLE[name]
        option = "--output-dir" if name == "analyze" else "-o"
        return [*words, self.clips[0], option, output / last]

    def expected(self, name: str, inputs: int) -> dict[str, bytes]:
        """What an undisturbed command writes."""
        if (name, inputs) not in self.whole:
            output = self.folder / f"whole {name} {inputs}"
            output.mkdir()
            self.forget()
            began = time.time()
            code = self.zygote.run(self.arguments(name, inputs, output), os.devnull, self.stderr)
            assert code == 0, self.stderr.read_text()
            self.whole[name, inputs] = files(output)
            ended = max(path.stat().st_mtime for path in output.rglob("*"))
            self.seconds[name, inputs] = ended - began  # until the last result is there
        return self.whole[name, inputs]

    def forget(self) -> None:
        """Empties what the streams are written to."""
        self.stdout.unlink(missing_ok=True)
        self.stderr.unlink(missing_ok=True)

    def messages(self) -> list[str]:
        """The lines on standard error; each is to be one message."""
        return self.stderr.read_text().splitlines() if self.stderr.exists() else []
