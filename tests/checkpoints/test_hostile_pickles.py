"""Pickles made to take for ever, to fill the memory, or to reach what is outside of them."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from pickle import (
    APPENDS,
    BUILD,
    DUP,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    EXT1,
    LONG_BINGET,
    LONG_BINPUT,
    MARK,
    NEWOBJ,
    NONE,
    POP,
    REDUCE,
    SETITEM,
    STACK_GLOBAL,
    STOP,
    TUPLE,
    TUPLE1,
    TUPLE2,
)

import pytest
import torch

from magnify.checkpoints import read_checkpoint
from support.checkpoint_samples import BY_NAME, fails, random_tensors

NETWORK = b"cnet\nNet\n" + EMPTY_TUPLE + NEWOBJ
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def put(index: int) -> bytes:
    return LONG_BINPUT + struct.pack("<I", index)


def get(index: int) -> bytes:
    return LONG_BINGET + struct.pack("<I", index)


def stored(key: bytes = text("0"), numel: bytes = b"K\1") -> bytes:
    """A float32 storage."""
    return MARK + text("storage") + b"ctorch\nFloatStorage\n" + key + text("cpu") + numel + b"tQ"


def nested(depth: int) -> bytes:
    """A tuple of the same tuple twice, and so on: as a tree it has 2 ** depth leaves."""
    return NONE + (DUP + TUPLE2) * depth


def family(depth: int) -> bytes:
    """A module whose two children are the same module, and so on."""
    program = NETWORK + put(0) + POP
    for i in range(depth):
        children = b"".join(text(name) + get(i) + SETITEM for name in "ab")
        program += NETWORK + EMPTY_DICT + text("_modules") + EMPTY_DICT + children + SETITEM
        program += BUILD + put(i + 1) + POP
    return program + get(depth)


def own_child() -> bytes:
    children = EMPTY_DICT + text("a") + get(0) + SETITEM
    return NETWORK + put(0) + EMPTY_DICT + text("_modules") + children + SETITEM + BUILD


def pairs(count: int) -> bytes:
    pair = EMPTY_LIST + MARK + text("a") + NONE + APPENDS
    return EMPTY_LIST + MARK + pair * count + APPENDS


PROGRAMS = {
    "shared key": (EMPTY_DICT + nested(60) + NONE + SETITEM, "holds no state dict, but dict"),
    "deep key": (
        EMPTY_DICT + NONE + TUPLE1 * 100_000 + NONE + SETITEM,
        "holds no state dict, but dict",
    ),
    "long key": (EMPTY_DICT + text("k" * 2_000) + NONE + SETITEM, "has a name of 2,000 characters"),
    "shared storage key": (stored(nested(60)), "stored in a way that is not supported"),
    "negative storage": (stored(numel=b"J\xff\xff\xff\xff"), "truncated or damaged"),
    "memo": (NONE + put(0x7FFFFFFF), "holds no state dict, but NoneType"),
    "memo in text": (NONE + b"p2000000000\n", "holds no state dict, but NoneType"),
    "not in the memo": (get(5), "truncated or damaged: its pickle fetches 5"),
    "instructions": (MARK + EMPTY_DICT * 300_000 + TUPLE, "over 250,000 instructions"),
    "copies": (
        pairs(1_000) + put(0) + (b"ccollections\nOrderedDict\n" + get(0) + TUPLE1 + REDUCE) * 1_000,
        "over 250,000 instructions",
    ),
    "arguments": (
        REBUILD + MARK + NONE * 1_000 + TUPLE + REDUCE,
        "truncated or damaged: its pickle calls torch._utils._rebuild_tensor_v2",
    ),
    "long class name": (text("m" * 2_000) + text("n") + STACK_GLOBAL, "has a name of 2,000"),
    "number": (b"I" + b"9" * 100_000 + b"\n", "truncated or damaged"),
    "family": (family(60), "has over 100,000 parts"),
    "lineage": (family(3), "holds net.Net, which is no network with tensors"),
    "own child": (own_child(), "a tensor's name has over 1,000 characters"),
    "own wrapper": (
        EMPTY_DICT + put(0) + text("state_dict") + get(0) + SETITEM,
        "holds no state dict, but dicts within dicts",
    ),
    "extension": (EXT1 + b"\1", "its pickle uses EXT1, which is not supported"),
    "nothing": (b"", "truncated or damaged: its pickle takes what is not there"),
    "no mark": (TUPLE, "truncated or damaged: its pickle takes what is not there"),
    "length": (b"\x96" + b"\xff" * 7 + b"\x0f", "truncated or damaged"),
    "items of a number": (b"K\1" + NONE + NONE + SETITEM, "truncated or damaged"),
    "call of a number": (b"K\1" + EMPTY_TUPLE + REDUCE, "truncated or damaged"),
}


def zipped(program: bytes, *storages: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("net/data.pkl", program + STOP)
        for key, storage in enumerate(storages):
            archive.writestr(f"net/data/{key}", storage)
    return content.getvalue()


def legacy(program: bytes, keys: Iterable[object] = ()) -> bytes:
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    before = b"".join(pickle.dumps(part, 2) for part in head)
    return before + b"\x80\2" + program + STOP + pickle.dumps(list(keys), 2)


@pytest.mark.parametrize("container", [zipped, legacy])
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_without_an_end_or_a_bound(
    name: str, container: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    program, expected = PROGRAMS[name]
    path = tmp_path / "hostile.pth"
    path.write_bytes(container(program))
    assert expected in fails(path)


def test_a_file_cannot_change_what_reads_the_next_one(tmp_path: Path) -> None:
    """Defaults for the missing arguments would make the second file a good one."""
    path = tmp_path / "hostile.pth"
    slots = EMPTY_DICT + text("__defaults__") + MARK + b"K\0" + EMPTY_TUPLE * 2 + TUPLE + SETITEM
    path.write_bytes(zipped(REBUILD + NONE + slots + TUPLE2 + BUILD))
    assert "which is no network with tensors" in fails(path)
    path.write_bytes(zipped(REBUILD + stored() + TUPLE1 + REDUCE, bytes(4)))
    assert "missing 3 required positional arguments" in fails(path)


def test_a_storage_that_is_named_often_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "again.pth"
    tensors = random_tensors(BY_NAME["lbvmm-zhengpeng7"])
    views = {name: torch.zeros(1).expand(tensor.shape) for name, tensor in tensors.items()}
    torch.save(views, path)
    checkpoint = read_checkpoint(path)
    assert not any(tensor.any() for tensor in checkpoint.tensors.values())
    path.write_bytes(zipped(MARK + stored() * 20_000 + TUPLE, bytes(4)))
    assert fails(path) == "holds no state dict, but tuple"


@pytest.mark.parametrize("second", [stored(numel=b"K\2"), stored().replace(b"Float", b"Int")])
@pytest.mark.parametrize("container", [lambda program: zipped(program, bytes(4)), legacy])
def test_two_storages_of_one_name(
    container: Callable[[bytes], bytes], second: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "twice.pth"
    path.write_bytes(container(MARK + stored() + second + TUPLE))
    assert "stored in a way that is not supported" in fails(path)


def test_storages_are_together_no_larger_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "huge.pt"
    many = b"".join(stored(text(str(i)), b"M\xff\xff") for i in range(100))
    path.write_bytes(legacy(MARK + many + TUPLE))
    assert "is larger than the file" in fails(path)


@pytest.mark.parametrize(
    "keys", [["0", "0"], ["1"], [], [0], ["0" * 2_000], [((), ())], ["0", "1"]]
)
def test_the_names_of_the_storages_are_those_of_the_tensors(
    keys: list[object], tmp_path: Path
) -> None:
    path = tmp_path / "names.pt"
    path.write_bytes(legacy(EMPTY_DICT + text("a") + stored() + SETITEM, keys))
    assert fails(path).startswith(("truncated or damaged", "has a name of 2,000 characters"))


def test_a_network_has_not_so_many_tensors(tmp_path: Path) -> None:
    path = tmp_path / "many.pth"
    arguments = MARK + stored() + b"K\0" + b"K\1" + TUPLE1 + b"K\1" + TUPLE1 + TUPLE
    program = REBUILD + put(0) + POP + arguments + put(1) + POP + MARK
    path.write_bytes(zipped(program + (get(0) + get(1) + REDUCE) * 10_001 + TUPLE, bytes(4)))
    assert fails(path) == "has over 10,000 tensors, more than any network"
