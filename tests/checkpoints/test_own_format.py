"""This project's own weight files: written, read back, converted from others."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from magnify.checkpoints import (
    LAYOUTS,
    Layout,
    convert_checkpoint,
    load_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from magnify.errors import CheckpointError
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from support.checkpoint_samples import BY_NAME, assert_same_tensors, fails, random_tensors

ZHENGPENG7 = BY_NAME["lbvmm-zhengpeng7"]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_own_format_returns_what_was_written(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    state = layout.build().state_dict()
    write_checkpoint(path, layout.name, state, {"steps": "12"})
    checkpoint = read_checkpoint(path)
    assert checkpoint.layout is layout
    assert checkpoint.metadata == {"format": "magnify", "layout": layout.name, "steps": "12"}
    assert_same_tensors(checkpoint.tensors, dict(state))
    assert [file.name for file in tmp_path.iterdir()] == ["own.safetensors"]


def test_own_format_in_bfloat16_is_half_the_size(tmp_path: Path) -> None:
    path, state = tmp_path / "half.safetensors", FD4MM().state_dict()
    write_checkpoint(path, "fd4mm", state, dtype=torch.bfloat16)
    with safe_open(path, "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    rounded = {name: tensor.to(torch.bfloat16).float() for name, tensor in state.items()}
    assert_same_tensors(read_checkpoint(path).tensors, rounded)


def test_a_weight_too_large_for_the_number_format_is_refused(tmp_path: Path) -> None:
    state = {**FD4MM().state_dict(), "magnifier.conv1.weight": torch.full((96, 96, 1, 1), 1e6)}
    path = tmp_path / "half.safetensors"
    with pytest.raises(CheckpointError, match=r"too large for torch.float16"):
        write_checkpoint(path, "fd4mm", state, dtype=torch.float16)
    assert not path.exists()


def test_own_format_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    checkpoint = load_checkpoint("lbvmm")
    files = [tmp_path / f"{i}.safetensors" for i in range(4)]
    for file in files:
        convert_checkpoint(checkpoint, file)
    assert len({file.read_bytes() for file in files}) == 1


def test_conversion_keeps_weights_and_tells_where_they_come_from(tmp_path: Path) -> None:
    source, once, twice = (tmp_path / name for name in ("published.pth", "once", "twice"))
    torch.save(random_tensors(ZHENGPENG7), source)
    original = read_checkpoint(source)
    convert_checkpoint(original, once)
    convert_checkpoint(read_checkpoint(once), twice)
    converted = read_checkpoint(twice)
    assert converted.layout is ZHENGPENG7
    assert_same_tensors(converted.tensors, original.tensors)
    assert converted.metadata["source_file"] == "published.pth"
    assert converted.metadata["source_sha256"] == original.sha256
    assert converted.metadata["source"] == ZHENGPENG7.source
    assert converted.metadata["converted_by"].startswith("magnify ")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_text("precious")
    state = LBVMM().state_dict()
    with pytest.raises(CheckpointError, match="exists already"):
        write_checkpoint(path, "lbvmm-magnify", state)
    assert path.read_text() == "precious"
    write_checkpoint(path, "lbvmm-magnify", state, overwrite=True)
    assert_same_tensors(read_checkpoint(path).tensors, dict(state))


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("fd4mm", "looks most like fd4mm"),
        ("lbvmm-cgst", "missing"),
        ("vgg", "unknown layout 'vgg'"),
    ],
)
def test_tensors_of_another_network_are_not_written(
    layout: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message):
        write_checkpoint(tmp_path / "own", layout, LBVMM().state_dict())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be written: No such file or directory"):
        write_checkpoint(tmp_path / "gone" / "own", "lbvmm-magnify", LBVMM().state_dict())


def test_a_layout_of_a_later_version_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "later.safetensors"
    metadata = {"format": "magnify", "layout": "fd5mm"}
    safetensors.torch.save_file({"a": torch.ones(1)}, path, metadata)
    assert fails(path).startswith("unknown layout 'fd5mm'; this version knows")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    state = dict(FD4MM().state_dict())
    name = next(iter(state))
    state[name] = torch.full_like(state[name], value)
    with pytest.raises(CheckpointError, match="a weight is no number"):
        write_checkpoint(tmp_path / "unwritten.safetensors", "fd4mm", state)
    described = {"format": "magnify", "layout": "fd4mm"}
    safetensors.torch.save_file(state, tmp_path / "broken.safetensors", described)
    assert fails(tmp_path / "broken.safetensors").startswith(f"{name} holds infinity or NaN")
