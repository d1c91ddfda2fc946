"""TensorFlow's V2 bundles: a small writer of our own, what it wrote damaged, and the real one."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from magnify.checkpoints import read_checkpoint
from magnify.checkpoints.crc32c import crc32c
from support.bundles import DATA, INDEX, NAME, write_bundle
from support.checkpoint_samples import (
    BY_NAME,
    assert_same_tensors,
    fails,
    in_ours,
    random_tensors,
    shared_file,
)

OFFICIAL = BY_NAME["lbvmm-official"]


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return {**random_tensors(OFFICIAL), "Variable": torch.tensor(259_002, dtype=torch.int32)}


@pytest.fixture(scope="module")
def written(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle"), tensors).parent


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "bundle"))


def bitwise_crc32c(data: bytes) -> int:
    """Straight from the definition."""
    state = 0xFFFFFFFF
    for octet in data:
        state ^= octet
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_of_rfc_3720(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


@pytest.mark.parametrize("size", [511, 512, 513, 1024, 3000])
def test_checksums_of_any_length(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bitwise_crc32c(data)


@pytest.mark.parametrize("name", [NAME, INDEX, DATA, "."])
def test_a_bundle_is_read_by_any_of_its_names(
    name: str, folder: Path, tensors: dict[str, Tensor]
) -> None:
    checkpoint = read_checkpoint(folder / name)
    assert checkpoint.layout is OFFICIAL
    assert_same_tensors(checkpoint.tensors, in_ours(OFFICIAL, tensors))
    content = (folder / INDEX).read_bytes() + (folder / DATA).read_bytes()
    assert checkpoint.sha256 == hashlib.sha256(content).hexdigest()
    assert checkpoint.metadata == {}


@pytest.mark.parametrize("given", [".", "checkpoint"])
@pytest.mark.parametrize("where", ["", "/home/someone/training/", "C:\\training\\"])
def test_the_state_file_names_the_bundle(where: str, given: str, folder: Path) -> None:
    (folder / "older.index").touch()
    lines = f'model_checkpoint_path: "{where}{NAME}"', 'all_model_checkpoint_paths: "older"', ""
    (folder / "checkpoint").write_bytes("\r\n".join(lines).encode())
    assert read_checkpoint(folder / given).layout is OFFICIAL


def test_several_data_files(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    prefix = write_bundle(tmp_path, half, shards=2)
    expected = {name: tensor.float() for name, tensor in half.items()}
    assert_same_tensors(read_checkpoint(prefix).tensors, in_ours(OFFICIAL, expected))
    (tmp_path / f"{NAME}.data-00001-of-00002").unlink()
    assert fails(prefix) == "has 1 of its 2 data files"


def flip(position: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[position] ^= 1
        return bytes(changed)

    return change


@pytest.mark.parametrize(
    ("file", "change", "expected"),
    [
        (DATA, flip(1_000_000), "does not match its checksum (CRC-32C)"),
        (DATA, flip(-1), "/Conv/weights does not match its checksum (CRC-32C)"),
        (DATA, lambda content: content[:-1], "truncated: the data ends before the end of tensor"),
        (DATA, lambda content: b"", "an empty file"),
        (DATA, lambda content: b"<html>Sign in</html>", "a web page (HTML)"),
        (INDEX, flip(20), "a block of the index does not match its checksum (CRC-32C)"),
        (INDEX, flip(-60), "a block of the index does not match its checksum (CRC-32C)"),
        (INDEX, flip(-45), "damaged"),
        (INDEX, lambda content: content[:-1], "truncated, or no index"),
        (INDEX, lambda content: content[:40], "truncated, or no index"),
        (INDEX, lambda content: content[-48:], "damaged"),
    ],
)
def test_damaged_bundles(
    file: str, change: Callable[[bytes], bytes], expected: str, folder: Path
) -> None:
    (folder / file).write_bytes(change((folder / file).read_bytes()))
    assert expected in fails(folder / NAME)


def test_incomplete_bundles(folder: Path) -> None:
    (folder / DATA).rename(folder / "elsewhere")
    assert f"lacks its data, {DATA}" in fails(folder / INDEX)
    assert fails(folder / DATA) == "no such weight file"
    (folder / "elsewhere").rename(folder / DATA)
    (folder / INDEX).unlink()
    assert fails(folder / DATA) == f"the TensorFlow checkpoint lacks its index, {INDEX}"
    assert fails(folder / INDEX) == "no such weight file"
    assert fails(folder).startswith("a directory with no TensorFlow checkpoints")


def test_a_directory_of_several_bundles_is_not_guessed_at(folder: Path) -> None:
    (folder / "older.index").touch()
    assert fails(folder).startswith("a directory with 2 TensorFlow checkpoints")


def test_a_state_file_without_a_path(folder: Path) -> None:
    (folder / "checkpoint").write_text("nothing\n")
    assert fails(folder) == "does not name a TensorFlow checkpoint (no model_checkpoint_path)"


def test_a_bundle_of_another_network(tmp_path: Path) -> None:
    prefix = write_bundle(tmp_path, {"dense/kernel": torch.ones(2, 3), "step": torch.ones(())})
    assert fails(prefix).startswith("unknown layout: its 2 tensors (dense/kernel, step)")


def test_wrong_shapes_are_told_in_the_files_own_order(
    tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    name = "ynet_3frames/encoder/enc_conv1_c/Conv/weights"
    prefix = write_bundle(tmp_path, {**tensors, name: torch.ones(3, 3, 3, 16)})
    assert fails(prefix) == (
        f"tensor {name} has shape (3, 3, 3, 16), but layout lbvmm-official expects (7, 7, 3, 16)"
    )


@pytest.mark.parametrize(
    "suffix", ["", ".index", ".data-00000-of-00001", "checkpoint", "directory"]
)
def test_the_authors_bundle(suffix: str) -> None:
    folder = shared_file("reference/checkpoints/lbvmm-tf")
    prefix = folder / "o3f_hmhm2_bg_qnoise_mix4_nl_n_t_ds3-259002"
    named = {"checkpoint": folder / "checkpoint", "directory": folder}
    checkpoint = read_checkpoint(named.get(suffix, prefix.with_name(prefix.name + suffix)))
    assert checkpoint.layout is OFFICIAL
    assert checkpoint.parameters == 918_928
    tail = checkpoint.tensors["decoder.conv1.weight"]
    assert float(tail.min()) == pytest.approx(-0.2846, abs=1e-4)
    assert float(tail.max()) == pytest.approx(0.4979, abs=1e-4)
    assert float(tail.std()) == pytest.approx(0.03753, rel=1e-3)
