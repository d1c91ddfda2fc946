"""What is no file, or too large, or takes more memory than it should."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from magnify.checkpoints import read_checkpoint, write_checkpoint
from magnify.errors import CheckpointError
from support.bundles import (
    DATA,
    INDEX,
    NAME,
    write_bundle,
)
from support.checkpoint_samples import BY_NAME, fails


@pytest.mark.parametrize("name", ["pipe.pth", INDEX, DATA, "checkpoint"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    write_bundle(tmp_path, {"a": torch.ones(1)})
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    path = tmp_path / (NAME if name in (INDEX, DATA) else name)
    assert fails(path) == "not a regular file, but a folder, pipe, socket or device"


def test_devices_and_files_of_the_system_are_not_read() -> None:
    assert fails(Path("/dev/zero")).startswith("not a regular file")
    assert fails(Path("/dev/null")).startswith("not a regular file")
    if Path("/proc/kmsg").exists():
        assert fails(Path("/proc/kmsg")) == "an empty file"


@pytest.mark.parametrize(
    "head", [b"PK\3\4", b"\x80\2", struct.pack("<Q", 2) + b"{}", b"nothing like it"]
)
def test_a_file_of_60_gigabytes_is_not_read(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.write_bytes(head)
    os.truncate(path, 60 * 2**30)
    assert fails(path) == "too large for weights of these networks: 64,424,509,440 bytes"


@pytest.mark.parametrize("name", [INDEX, DATA, "checkpoint"])
def test_nor_is_a_bundle_with_such_a_file(name: str, tmp_path: Path) -> None:
    write_bundle(tmp_path, {"a": torch.ones(1)})
    (tmp_path / name).touch()
    os.truncate(tmp_path / name, 60 * 2**30)
    path = tmp_path / (NAME if name in (INDEX, DATA) else name)
    assert fails(path).startswith("too large for weights of these networks")


@pytest.mark.parametrize("named", ["/", ".", "..", "a/..", "C:\\", "m\0x"])
def test_a_state_file_that_names_no_file(named: str, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n')
    assert fails(tmp_path).startswith("names no TensorFlow checkpoint, but ")


def test_a_state_file_that_names_escapes(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "\x1b[2J"\n')
    assert fails(tmp_path) == "the TensorFlow checkpoint lacks its index, \\x1b[2J.index"


def with_header(header: bytes, tensors: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + tensors


FOUR = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (with_header(b"{" + b" " * 2**21 + b"}"), "a header of 2,097,154 bytes"),
        (struct.pack("<Q", 2**32 - 1) + b"{}", "a header of 4,294,967,295 bytes"),
        (with_header(b'{"a":' + b"[" * 100_000), "truncated or damaged: its header is no JSON"),
        (with_header(b'{"a":' + b"9" * 100_000 + b"}"), "its header is no JSON"),
        (with_header(b'{"__metadata__":null,"a":%s}' % FOUR, bytes(4)), "its 1 tensors (a)"),
        (with_header(b'{"__metadata__":["format"]}'), "truncated or damaged"),
        (with_header(b'{"__metadata__":{"a":1}}'), "truncated or damaged"),
        (
            with_header(FOUR.replace(b"[1]", b"[%s1]" % (b"1," * 99)).join([b'{"a":', b"}"])),
            "tensor a has 100 dimensions",
        ),
        (
            with_header(b'{"a":{"dtype":"F32","shape":[0,%d],"data_offsets":[0,0]}}' % 2**63),
            "numbers of a kind that is not supported",
        ),
        (
            with_header(json.dumps({str(i): {} for i in range(10_001)}).encode()),
            "has over 10,000 tensors",
        ),
    ],
)
def test_headers_of_safetensors(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    assert expected in fails(path)


LIMITED = """
import resource, sys
from pathlib import Path
from magnify.checkpoints import read_checkpoint
from magnify.errors import CheckpointError
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 300 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    try:
        read_checkpoint(path)
    except CheckpointError as error:
        print(str(error).removeprefix(f"{path}: "))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures memory as Linux does")
def test_small_files_take_little_memory(tmp_path: Path) -> None:
    files = {
        "memo.pt": b"\x80\2Nr\xff\xff\xff\x0f0N.",
        "bytes.pt": b"\x80\2\x96" + struct.pack("<Q", 2**30) + b".",
        "header.safetensors": with_header(b'{"a":[' + b"[]," * 690_000 + b"0]}"),
        "dicts.pt": b"\x80\2(" + b"}" * 3_000_000 + b"t.",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in files]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *paths], capture_output=True, text=True, check=True
    )
    first, *others = done.stdout.splitlines()
    assert first == "a pickle, but not one written by torch.save"
    assert others[0].startswith("truncated or damaged: expected 1073741824 bytes")
    assert others[1].startswith("truncated or damaged: Error while deserializing")
    assert others[2].startswith("its pickle has over 250,000 instructions")
    assert not done.stderr


def test_a_link_where_an_output_is_prepared_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name cannot be guessed; were it, the file that the link leads to would stay as it is."""
    victim, output = tmp_path / "victim", tmp_path / "own.safetensors"
    victim.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda size: "guessed")
    (tmp_path / ".guessed.part.safetensors").symlink_to(victim)
    with pytest.raises(CheckpointError, match="cannot be written: File exists"):
        write_checkpoint(output, "fd4mm", BY_NAME["fd4mm"].build().state_dict())
    assert victim.read_text() == "precious"
    assert not output.exists()
    monkeypatch.undo()
    write_checkpoint(output, "fd4mm", BY_NAME["fd4mm"].build().state_dict())
    assert read_checkpoint(output).layout.name == "fd4mm"
    umask = os.umask(0o022)
    os.umask(umask)
    assert output.stat().st_mode & 0o777 == 0o666 & ~umask
