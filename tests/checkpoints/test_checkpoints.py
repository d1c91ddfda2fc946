"""Weight files: built in, in safetensors, and what is no weight file."""

import ast
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from magnify.checkpoints import (
    BUILT_IN,
    DEFAULT_MODEL,
    LAYOUTS,
    Layout,
    load_checkpoint,
    load_model,
    read_checkpoint,
)
from magnify.errors import CheckpointError
from magnify.models import lbvmm
from magnify.models.lbvmm import LBVMM
from support.checkpoint_samples import (
    BY_NAME,
    assert_same_tensors,
    fails,
    in_ours,
    random_tensors,
    shared_file,
)

ZHENGPENG7 = BY_NAME["lbvmm-zhengpeng7"]


@pytest.mark.parametrize(("name", "parameters"), [("lbvmm", 918_928), ("fd4mm", 1_472_983)])
def test_built_in_weights_match_their_registry_entry(name: str, parameters: int) -> None:
    checkpoint = load_checkpoint(name)
    entry = BUILT_IN[name]
    assert checkpoint.sha256 == entry.sha256
    assert checkpoint.path.stat().st_size == entry.size < 8e6
    assert checkpoint.layout is entry.layout
    assert checkpoint.parameters == entry.layout.parameters == parameters


def test_the_default_model_is_built_in() -> None:
    assert DEFAULT_MODEL in BUILT_IN


def test_model_of_built_in_weights_reflects_at_every_border() -> None:
    model = load_model("lbvmm")
    assert isinstance(model, LBVMM)
    assert model.variant == lbvmm.MAGNIFY
    assert not model.training


def test_built_in_weights_that_are_not_the_released_ones_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BUILT_IN, "lbvmm", replace(BUILT_IN["lbvmm"], sha256="0" * 64))
    with pytest.raises(CheckpointError, match=r"lbvmm\.safetensors: not the weights.*9c482594e1a8"):
        load_checkpoint("lbvmm")


def test_missing_built_in_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN, "lbvmm", replace(BUILT_IN["lbvmm"], file="gone.safetensors"))
    with pytest.raises(
        CheckpointError, match=r"gone\.safetensors: the built-in weights are missing"
    ):
        load_checkpoint("lbvmm")


def test_a_built_models_weights_are_its_own(tmp_path: Path) -> None:
    checkpoint = load_checkpoint("lbvmm")
    before = checkpoint.tensors["decoder.conv2.weight"].clone()
    model = checkpoint.build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(checkpoint.tensors["decoder.conv2.weight"], before)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layouts_name_each_tensor_of_their_network_once(layout: Layout) -> None:
    assert sorted(layout.tensors.values()) == sorted(layout.build().state_dict())


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("lbvmm-official", "lbvmm_tf_tensors.txt"),
        ("lbvmm-zhengpeng7", "lbvmm_zhengpeng7_tensors.txt"),
        ("lbvmm-cgst", "lbvmm_cgst_tensors.txt"),
        ("lbvmm-postech", "lbvmm_postech_tensors.txt"),
        ("fd4mm", "fd4mm_state_dict.txt"),
    ],
)
def test_layouts_have_the_published_names_and_shapes(name: str, table: str) -> None:
    lines = shared_file(f"reference/formats/{table}").read_text().splitlines()
    rows = [line.split("\t")[:2] for line in lines if "\t(" in line]
    published = {tensor: ast.literal_eval(shape) for tensor, shape in rows}
    layout = BY_NAME[name]
    shapes = {tensor: tuple(value.shape) for tensor, value in random_tensors(layout).items()}
    assert {
        tensor: published[tensor] for tensor in published if tensor not in layout.ignored
    } == shapes


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_safetensors_of_every_layout_are_recognised(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    tensors = random_tensors(layout)
    safetensors.torch.save_file(tensors, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint.layout is layout
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert_same_tensors(checkpoint.tensors, in_ours(layout, tensors))
    assert_same_tensors(dict(checkpoint.build().state_dict()), checkpoint.tensors)


def test_official_names_are_this_projects_when_bare_and_the_authors_in_full(tmp_path: Path) -> None:
    bare, full = tmp_path / "bare.safetensors", tmp_path / "full.safetensors"
    safetensors.torch.save_file(random_tensors(BY_NAME["lbvmm-magnify"]), bare)
    safetensors.torch.save_file(random_tensors(BY_NAME["lbvmm-official"]), full)
    paddings = [load_model(path).variant.strided_padding for path in (bare, full)]
    assert paddings == ["reflect", "same"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read_as_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    tensors = {name: tensor.to(dtype) for name, tensor in random_tensors(ZHENGPENG7).items()}
    safetensors.torch.save_file(tensors, path)
    expected = {name: tensor.float() for name, tensor in tensors.items()}
    assert_same_tensors(read_checkpoint(path).tensors, in_ours(ZHENGPENG7, expected))


IMPOSTORS = {
    "web page": (b"\xef\xbb\xbf\n<!DOCTYPE html><html>Sign in</html>", "a web page (HTML)"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git-LFS pointer"),
    "empty": (b"", "an empty file"),
    "text": (b'{"error": "not found"}', "no weight file (it starts with b'{\"error\"')"),
    "numpy": (b"\x93NUMPY\x01\x00", "no weight file"),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".index"])
@pytest.mark.parametrize("kind", IMPOSTORS)
def test_what_is_no_weight_file_is_told_apart(kind: str, suffix: str, tmp_path: Path) -> None:
    content, message = IMPOSTORS[kind]
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    if suffix == ".index":
        (tmp_path / "weights.data-00000-of-00001").write_bytes(b"data")
        message = message if kind in ("web page", "lfs", "empty") else "no index of a TensorFlow"
    assert message in fails(path)


def test_missing_file_and_empty_directory(tmp_path: Path) -> None:
    assert fails(tmp_path / "gone.pth") == "no such weight file"
    assert fails(tmp_path).startswith("a directory with no TensorFlow checkpoint")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.pth"
    path.write_bytes(b"PK")
    path.chmod(0)
    assert fails(path) == "cannot be read: Permission denied"


@pytest.mark.parametrize("keep", [9, 100, 5_000, -1])
def test_truncated_safetensors(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(load_checkpoint("lbvmm").path.read_bytes()[:keep])
    assert fails(path).startswith("truncated or damaged: ")


def edited(change: Callable[[dict[str, torch.Tensor]], None], tmp_path: Path) -> Path:
    tensors = random_tensors(ZHENGPENG7)
    change(tensors)
    path = tmp_path / "edited.safetensors"
    safetensors.torch.save_file(tensors, path)
    return path


def test_unknown_layout_names_the_closest_and_the_differences(tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors["encoder.stem.weight"] = tensors.pop("encoder.cba_1.conv2d.weight")
        for i in range(4):
            del tensors[f"decoder.resblks.{i}.cba_1.conv2d.weight"]

    assert fails(edited(change, tmp_path)) == (
        "unknown layout: looks most like lbvmm-zhengpeng7, but of its tensors 5 missing "
        "(encoder.cba_1.conv2d.weight, decoder.resblks.0.cba_1.conv2d.weight, "
        "decoder.resblks.1.cba_1.conv2d.weight, …) and 1 unexpected (encoder.stem.weight)"
    )


def test_a_stranger_is_not_likened_to_anything(tmp_path: Path) -> None:
    path = tmp_path / "resnet.safetensors"
    safetensors.torch.save_file({"fc.weight": torch.ones(1), "fc.bias": torch.ones(1)}, path)
    message = fails(path)
    assert message.startswith("unknown layout: its 2 tensors (fc.")
    assert "looks" not in message


def test_wrong_shape_names_the_tensor_and_both_shapes(tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors["manipulator.g.conv2d.weight"] = torch.ones(32, 32, 7, 7)

    assert fails(edited(change, tmp_path)) == (
        "tensor manipulator.g.conv2d.weight has shape (32, 32, 7, 7), "
        "but layout lbvmm-zhengpeng7 expects (32, 32, 3, 3)"
    )


def test_a_mistyped_name_is_told_the_names_there_are() -> None:
    with pytest.raises(CheckpointError, match=r"lbvm: no such weight file; .*s are lbvmm, fd4mm"):
        load_checkpoint("lbvm")
    with pytest.raises(CheckpointError, match=r"lbvm: .* \(--model\) are lbvmm, fd4mm"):
        load_checkpoint(Path("lbvm"))


def test_a_path_is_a_file_even_under_a_built_in_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    safetensors.torch.save_file(random_tensors(ZHENGPENG7), tmp_path / "lbvmm")
    monkeypatch.chdir(tmp_path)
    assert load_checkpoint(Path("lbvmm")).layout.name == "lbvmm-zhengpeng7"
    assert load_checkpoint("./lbvmm").layout.name == "lbvmm-zhengpeng7"
    assert load_checkpoint("lbvmm").layout.name == "lbvmm-magnify"
    with pytest.raises(CheckpointError, match="fd4mm: no such weight file"):
        load_checkpoint(Path("fd4mm"))


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64])
def test_weights_are_floating_point(dtype: torch.dtype, tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        name = "manipulator.g.conv2d.weight"
        tensors[name] = tensors[name].to(dtype)

    assert f"tensor manipulator.g.conv2d.weight holds {dtype}" in fails(edited(change, tmp_path))


def test_number_formats_without_a_tensor_type(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F8_E8M0", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    assert fails(path).startswith(("holds numbers of a kind", "truncated or damaged"))


def test_what_is_declared_but_not_there_is_never_made(tmp_path: Path) -> None:
    tensors = random_tensors(ZHENGPENG7)
    tensors["manipulator.g.conv2d.weight"] = torch.zeros(1).as_strided((2**20, 2**20), (0, 0))
    torch.save(tensors, tmp_path / "huge.pth")
    assert "has shape (1048576, 1048576)" in fails(tmp_path / "huge.pth")
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", bytes(10**6))
    assert fails(tmp_path / "bomb.pth").startswith("a compressed zip archive")
