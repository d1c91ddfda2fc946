"""A process that has imported everything, and runs `magnify` in forks of itself.

Each is a whole command: standard streams of its own, `main`, and the interpreter's end, without
the seconds that importing PyTorch takes.
"""

import gc
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CLOSED = "closed"
"""Instead of a file's name: the command begins without that stream."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Zygote:
    """The tests' end: starts commands, and waits for them."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def start(
        self,
        arguments: Sequence[str | Path],
        stdout: str | Path,
        stderr: str | Path,
        limits: Mapping[int, int] | None = None,
        stdin: str | Path = os.devnull,
    ) -> int:
        """Begins `magnify` with these arguments; gives its process's number.

        Args:
            limits: of `resource`, for this command: RLIMIT_FSIZE and others as they are,
                RLIMIT_AS as bytes beside those that what is imported takes.
        """
        assert self._process.stdin is not None
        words = [str(argument) for argument in arguments]
        streams = [str(stdin), str(stdout), str(stderr)]
        request = [words, streams, list((limits or {}).items())]
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._answer(120))

    def wait(self, seconds: float = 120) -> int:
        """The exit code of the command that was started; a signal's number, negative.

        Raises:
            TimeoutError: it has not ended in time, and still runs.
        """
        return int(self._answer(seconds))

    def run(
        self,
        arguments: Sequence[str | Path],
        stdout: str | Path,
        stderr: str | Path,
        limits: Mapping[int, int] | None = None,
        stdin: str | Path = os.devnull,
    ) -> int:
        self.start(arguments, stdout, stderr, limits, stdin)
        return self.wait()

    def _answer(self, seconds: float) -> str:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise TimeoutError(f"no answer in {seconds} s")
        return self._process.stdout.readline()


def _serve() -> None:
    import av  # noqa: F401
    import rich.progress  # noqa: F401
    import torch
    import typer._adapters  # noqa: F401

    import magnify.cli
    import magnify.engine.runtime
    import magnify.pipeline.prepare
    import magnify.pipeline.run  # noqa: F401

    torch.set_num_threads(1)
    gc.freeze()  # else each fork's end looks through, and so copies, all that is imported
    for line in sys.stdin:
        arguments, streams, limits = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        child = os.fork()
        if child == 0:
            _become(arguments, streams, limits)
            return
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _limit(limits: list[tuple[int, int]]) -> None:
    for kind, limit in limits:
        taken = 0
        if kind == resource.RLIMIT_AS:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            taken = pages * resource.getpagesize()
        resource.setrlimit(kind, (taken + limit, taken + limit))


def _become(arguments: list[str], streams: list[str], limits: list[tuple[int, int]]) -> None:
    """A command as the shell starts it; the interpreter ends after it."""
    import faulthandler

    from magnify.__main__ import main

    _, stdout, stderr = streams
    for descriptor, name in enumerate(streams):
        if name == CLOSED:
            os.close(descriptor)
            continue
        way = os.O_WRONLY | os.O_CREAT | os.O_APPEND if descriptor else os.O_RDONLY
        there = os.open(name, way, 0o600)
        os.dup2(there, descriptor)
        os.close(there)
    sys.stdout = sys.__stdout__ = _stream(1, stdout)
    sys.stderr = sys.__stderr__ = _stream(2, stderr)
    if stderr != CLOSED:
        faulthandler.register(signal.SIGUSR1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    sys.argv = ["magnify", *arguments]
    _limit(limits)
    main()


def _stream(descriptor: int, name: str) -> Any:
    if name == CLOSED:
        return None
    return io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=descriptor == 2,
    )


if __name__ == "__main__":
    _serve()
