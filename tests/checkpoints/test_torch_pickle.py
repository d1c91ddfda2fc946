"""Files written by torch.save: both containers, every wrapping, and files that want code run."""

import argparse
import importlib
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from magnify.checkpoints import LAYOUTS, Layout, read_checkpoint
from support.checkpoint_samples import (
    BY_NAME,
    assert_same_tensors,
    fails,
    in_ours,
    random_tensors,
    shared_file,
)

CONTAINERS = ("zip", "legacy")
CGST = BY_NAME["lbvmm-cgst"]
ZHENGPENG7 = BY_NAME["lbvmm-zhengpeng7"]


def save(content: object, path: Path, container: str) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=container == "zip")
    return path


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_state_dicts_of_every_layout(layout: Layout, container: str, tmp_path: Path) -> None:
    tensors = random_tensors(layout)
    checkpoint = read_checkpoint(save(tensors, tmp_path / "weights.pth", container))
    assert checkpoint.layout is layout
    assert_same_tensors(checkpoint.tensors, in_ours(layout, tensors))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("wrapper", "prefix"),
    [("", "module."), ("state_dict", ""), ("model_state_dict", "module."), ("model", "module.")],
)
def test_wrapped_state_dicts(wrapper: str, prefix: str, container: str, tmp_path: Path) -> None:
    layout = BY_NAME["lbvmm-postech"]
    tensors = random_tensors(layout)
    state: object = OrderedDict((prefix + name, nn.Parameter(t)) for name, t in tensors.items())
    if wrapper:
        optimiser = torch.optim.Adam([nn.Parameter(torch.ones(3))]).state_dict()
        settings = argparse.Namespace(lr=1e-4, folder=Path("runs"))
        loss = np.float32(0.1)
        state = {"epoch": 3, "args": settings, "loss": loss, "optimizer": optimiser, wrapper: state}
    checkpoint = read_checkpoint(save(state, tmp_path / "epoch3.tar", container))
    assert checkpoint.layout is layout
    assert_same_tensors(checkpoint.tensors, in_ours(layout, tensors))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("container", CONTAINERS)
def test_other_precisions_and_strides(container: str, dtype: torch.dtype, tmp_path: Path) -> None:
    tensors = {
        name: tensor.to(dtype).contiguous(memory_format=torch.channels_last)
        for name, tensor in random_tensors(ZHENGPENG7).items()
    }
    checkpoint = read_checkpoint(save(tensors, tmp_path / "weights.pth", container))
    expected = {name: tensor.float() for name, tensor in tensors.items()}
    assert_same_tensors(checkpoint.tensors, in_ours(ZHENGPENG7, expected))


@pytest.mark.parametrize("container", CONTAINERS)
def test_tensors_that_share_memory(container: str, tmp_path: Path) -> None:
    tensors = random_tensors(ZHENGPENG7)
    flat = torch.cat([tensor.flatten() for tensor in tensors.values()])
    parts = flat.split([tensor.numel() for tensor in tensors.values()])
    views = {
        name: part.view(tensor.shape)
        for (name, tensor), part in zip(tensors.items(), parts, strict=True)
    }
    checkpoint = read_checkpoint(save(views, tmp_path / "weights.pth", container))
    assert_same_tensors(checkpoint.tensors, in_ours(ZHENGPENG7, tensors))


def module_tree(tensors: dict[str, Tensor]) -> nn.Module:
    """A module whose state dict has these names."""
    root = nn.Module()
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        module = root
        for part in path:
            if part not in dict(module.named_children()):
                module.add_module(part, nn.Module())
            module = module.get_submodule(part)
        module.register_parameter(leaf, nn.Parameter(tensor))
    root.register_buffer("scratch", torch.ones(1), persistent=False)
    return root


@pytest.mark.filterwarnings("ignore:.*source code.*:UserWarning")
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_whole_modules(wrapped: bool, container: str, tmp_path: Path) -> None:
    tensors = random_tensors(CGST)
    module = module_tree(tensors)
    content: object = {"model": nn.DataParallel(module)} if wrapped else module
    checkpoint = read_checkpoint(save(content, tmp_path / "whole.pt", container))
    assert checkpoint.layout is CGST
    assert_same_tensors(checkpoint.tensors, in_ours(CGST, tensors))


@pytest.mark.filterwarnings("ignore:.*source code.*:UserWarning")
@pytest.mark.parametrize("container", CONTAINERS)
def test_nothing_that_a_whole_module_names_is_imported(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's class is in a module that would leave a marker when it is imported again."""
    marker, code = tmp_path / "imported", tmp_path / "published_net.py"
    source = "from pathlib import Path\nfrom torch import nn\nclass MagNet(nn.Module): pass\n"
    code.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    module = module_tree(random_tensors(CGST))
    module.__class__ = importlib.import_module("published_net").MagNet
    path = save(module, tmp_path / "whole.pt", container)
    monkeypatch.delitem(sys.modules, "published_net")
    code.write_text(f"{source}Path({str(marker)!r}).touch()\n")

    assert read_checkpoint(path).layout is CGST
    assert not marker.exists()
    assert "published_net" not in sys.modules
    importlib.import_module("published_net")
    assert marker.exists()


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def attacks(marker: Path) -> dict[str, Calls]:
    """What would leave the marker, were it called."""
    touch = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return {
        "system": Calls(os.system, f"touch {marker}"),
        "mkdir": Calls(os.mkdir, str(marker)),
        "eval": Calls(eval, touch),
        "exec": Calls(exec, touch),
        "subprocess": Calls(subprocess.call, ["touch", str(marker)]),
    }


@pytest.mark.parametrize("place", ["alone", "beside", "inside"])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("attack", ["system", "mkdir", "eval", "exec", "subprocess"])
def test_a_file_that_wants_code_run_is_refused(
    attack: str, container: str, place: str, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    payload = attacks(marker)[attack]
    state = {"weight": torch.ones(2)}
    contents = {
        "alone": payload,
        "beside": {"state_dict": state, "extra": payload},
        "inside": {**state, "extra": payload},
    }
    path = save(contents[place], tmp_path / "hostile.pth", container)
    message = fails(path)
    assert message.startswith("refused: ")
    assert "nothing was run" in message
    assert not marker.exists()

    torch.load(path, weights_only=False)
    assert marker.exists()  # so the file is no dud


def test_a_bare_pickle_that_wants_code_run_is_refused(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps(attacks(marker)["system"]))
    assert "refused: " in fails(path)
    assert not marker.exists()


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_call_of_another_librarys_function_is_not_made(container: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    state: dict[str, object] = dict(random_tensors(ZHENGPENG7))
    payload = Calls(np.save, str(marker), np.ones(1))
    path = save({"state_dict": state, "extra": payload}, tmp_path / "weights.pth", container)
    assert read_checkpoint(path).layout is ZHENGPENG7
    assert not list(tmp_path.glob("marker*"))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(1)], "holds no state dict, but list"),
        ({}, "holds no state dict, but dict"),
        ({"epoch": 3}, "holds no state dict: entry 'epoch' is int, not a tensor"),
        ({"a": argparse.Namespace()}, "entry 'a' is argparse.Namespace, not a tensor"),
        (argparse.Namespace(a=1), "holds argparse.Namespace, which is no network with tensors"),
    ],
)
def test_files_without_a_network(
    content: object, message: str, container: str, tmp_path: Path
) -> None:
    assert message in fails(save(content, tmp_path / "other.pth", container))


def test_pickles_and_archives_of_others(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(pickle.dumps({"a": 1}))
    assert fails(path) == "a pickle, but not one written by torch.save"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "")
    assert fails(path).startswith("a zip archive, but not one written by torch.save")


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("part", [0.001, 0.01, 0.5, 0.9999])
def test_truncated_files(part: float, container: str, tmp_path: Path) -> None:
    path = save(random_tensors(ZHENGPENG7), tmp_path / "cut.pth", container)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert fails(path).startswith("truncated or damaged: ")


def test_a_changed_byte_in_an_archive_is_noticed(tmp_path: Path) -> None:
    path = save(random_tensors(ZHENGPENG7), tmp_path / "weights.pth", "zip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert fails(path).startswith("truncated or damaged: Bad CRC-32")


def test_a_storage_larger_than_the_file_is_not_allocated(tmp_path: Path) -> None:
    path = save({"a": torch.ones(3)}, tmp_path / "huge.pth", "legacy")
    head, tail = path.read_bytes().split(b"K\x03N", 1)  # the last of a storage's facts: 3, None
    path.write_bytes(head + b"J\xff\xff\xff\x7fN" + tail)
    assert "is larger than the file" in fails(path)


def test_zhengpeng7s_file() -> None:
    path = shared_file("reference/checkpoints/magnet_epoch12_loss7.28e-02.pth")
    expected = torch.load(path, map_location="cpu", weights_only=True)
    checkpoint = read_checkpoint(path)
    assert checkpoint.layout is ZHENGPENG7
    assert_same_tensors(checkpoint.tensors, in_ours(ZHENGPENG7, expected))


def test_cgsts_whole_module() -> None:
    path = shared_file("reference/checkpoints/cgst-20191204-b4-r0.1-lr0.0001-05.pt")
    checkpoint = read_checkpoint(path)
    assert checkpoint.layout is CGST
    assert "deepmag" not in sys.modules
    stem = checkpoint.tensors["encoder.conv1.weight"]
    assert float(stem.min()) == pytest.approx(-2.004, abs=1e-3)
    assert float(stem.max()) == pytest.approx(0.1579, abs=1e-4)
    assert float(stem.std()) == pytest.approx(0.1188, rel=0.01)
