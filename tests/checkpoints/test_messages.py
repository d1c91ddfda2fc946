"""What a weight file says of itself, on its way to a reader's terminal."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from magnify.checkpoints import write_checkpoint
from magnify.cli.app import app
from magnify.errors import CheckpointError, printable
from support.bundles import write_bundle
from support.checkpoint_samples import BY_NAME, fails

ESCAPES = "\x1b[2J\x1b]0;title\x07\r\nsha256: 0000\u202e\x9b\u2028"


@pytest.mark.parametrize("name", [ESCAPES, "x" * 900, ESCAPES * 20])
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors", "bundle"])
def test_names_of_tensors_are_printable_and_short(form: str, name: str, tmp_path: Path) -> None:
    """`fails` looks at each message."""
    path = tmp_path / "named"
    tensors = {name: torch.ones(1)}
    if form in ("zip", "legacy"):
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "zip")
    elif form == "safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        path = write_bundle(tmp_path, tensors)
    assert fails(path).startswith("unknown layout: its 1 tensors (")


@pytest.mark.parametrize("zipped", [True, False])
def test_half_of_a_character_is_escaped(zipped: bool, tmp_path: Path) -> None:
    """Only a pickle can hold one, and no terminal can print it."""
    path = tmp_path / "half.pth"
    torch.save({"\ud800": torch.ones(1)}, path, _use_new_zipfile_serialization=zipped)
    assert "(\\ud800)" in fails(path)


def test_a_message_keeps_its_start_and_its_end() -> None:
    message = str(CheckpointError(f"start {'x' * 5_000_000} end"))
    assert len(message) < 1001
    assert message.startswith("start xxx")
    assert message.endswith("xxx end")
    assert "…" in message
    wrapped = str(CheckpointError(f"file: {CheckpointError(ESCAPES)}"))
    assert wrapped == f"file: {CheckpointError(ESCAPES)}"


def test_what_is_printable_stays() -> None:
    assert printable("größer als \\x1b, ΔM → 12") == "größer als \\x1b, ΔM → 12"
    assert printable(ESCAPES).isprintable()
    assert printable("a\nb\x1b\u202e\ud800") == r"a\nb\x1b\u202e\ud800"


def test_metadata_is_listed_in_a_line_for_each_key(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    described = {"training": ESCAPES, f"key{ESCAPES}": "[bold]"}
    write_checkpoint(path, "fd4mm", BY_NAME["fd4mm"].build().state_dict(), described)
    result = CliRunner().invoke(app, ["weights", "inspect", str(path)])
    assert result.exit_code == 0
    lines = result.stdout.split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 8 + 4 + 1  # the facts, the metadata, the end
    assert f"metadata.training: {printable(ESCAPES)}" in lines
    assert f"metadata.key{printable(ESCAPES)}: [bold]" in lines
    result = CliRunner().invoke(app, ["weights", "inspect", str(path), "--json"])
    assert json.loads(result.stdout)["metadata"].items() >= described.items()
    assert result.stdout.rstrip("\n").isprintable()
