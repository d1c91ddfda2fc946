"""What comes through a pipe: every reader gets all of it, and what all have passed is gone."""

import os
from pathlib import Path
from threading import Thread

import pytest

from magnify.errors import VideoError
from magnify.video.pipes import StandardInput

MEGABYTE = bytes(range(256)) * 4096


def kept() -> int:
    """The temporary files that this process has open."""
    links = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]
    return sum("deleted" in link for link in links)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it never closes
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's list of open files")
def test_readers_get_all_and_what_they_passed_is_dropped() -> None:
    end, start = os.pipe()

    def send() -> None:
        with os.fdopen(start, "wb") as pipe:
            for _ in range(70):
                pipe.write(MEGABYTE)

    sender = Thread(target=send)
    sender.start()
    before = kept()
    source = StandardInput(end)
    fast, slow = source.reader(), source.reader()

    def read(reader: object, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += reader.read(count - len(data))  # type: ignore[attr-defined]
        return data

    assert all(read(fast, len(MEGABYTE)) == MEGABYTE for _ in range(40))
    assert kept() - before == 3  # of 16 MB each: nothing is dropped while anybody may begin anew
    source.forget()
    with pytest.raises(VideoError, match="only once"):
        source.reader()
    assert all(read(slow, len(MEGABYTE)) == MEGABYTE for _ in range(40))
    assert all(read(fast, len(MEGABYTE)) == MEGABYTE for _ in range(10))
    assert kept() - before == 2  # from the slow one's place on
    assert all(read(slow, len(MEGABYTE)) == MEGABYTE for _ in range(30))
    assert slow.read(10) == b""
    sender.join()
    os.close(end)
