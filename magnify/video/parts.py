"""Outputs while they are incomplete: hidden siblings that take the output's place in the end.

A part is locked for as long as the run that writes it lives. So a later run on the same output can
tell those that a killed run left behind from those of a live one, and removes them.
"""

import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import sys
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked, and so nothing is swept
    fcntl = None  # type: ignore[assignment]

LOCKS = fcntl is not None
"""Whether this system can tell that another run is at work on a file."""

_LONGEST_STEM = 40
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


class Part:
    """An empty file or folder beside an output, which it is to become.

    Attributes:
        path: where it is to be written.

    Raises:
        OSError: on construction and publication, it cannot be written there.
    """

    def __init__(self, target: Path, *, folder: bool) -> None:
        self._target = target
        while True:
            self.path = _sibling(target, "part")
            self._lock = _create(self.path, folder)
            if _is_open_at(self._lock, self.path):
                break
            os.close(self._lock)  # swept before it was locked

    def publish(self) -> None:
        """Take the output's place. A folder with files stays whole until it is replaced."""
        if not self._target.is_dir() or not any(self._target.iterdir()):
            os.replace(self.path, self._target)
        elif _exchange(self.path, self._target):
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            _replace_in_two_steps(self.path, self._target)
        self._unlock()

    def remove(self) -> None:
        """Remove what was written so far; what cannot be removed waits for a later run."""
        self._unlock()  # its descriptor may be the last there is, and a folder needs one
        _remove(self.path)

    def _unlock(self) -> None:
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def segments_folder(target: Path) -> Path:
    """The hidden folder beside an output that its parts wait in, under the same name each time."""
    return target.with_name(_hidden_name(target, "resume", "segments"))


def sweep(target: Path) -> None:
    """Undo what killed runs left of an output.

    A folder that was about to be replaced gets its name back, if nothing has taken it; incomplete
    outputs are removed.
    """
    with suppress(OSError):
        for kind in ("replaced", "part"):
            pattern = re.compile(_hidden_name(target, "[0-9a-f]{8}", kind, quoted=True))
            for name in os.listdir(target.parent):
                if pattern.fullmatch(name):
                    _sweep(target.with_name(name), target, restore=kind == "replaced")


def _sweep(left: Path, target: Path, *, restore: bool) -> None:
    with suppress(OSError):
        lock = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not try_lock(lock):
                return
            if restore and not os.path.lexists(target):
                os.rename(left, target)
            else:
                _remove(left)
        finally:
            os.close(lock)


def _sibling(target: Path, kind: str) -> Path:
    return target.with_name(_hidden_name(target, secrets.token_hex(4), kind))


def _hidden_name(target: Path, unique: str, kind: str, *, quoted: bool = False) -> str:
    """Short, as the output's own name may be as long as names can be; but no other output's."""
    stem, suffix = target.stem, target.suffix
    if len(stem) > _LONGEST_STEM:
        digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
        stem = f"{stem[: _LONGEST_STEM - 9]}-{digest}"
    if quoted:
        stem, suffix = re.escape(stem), re.escape(suffix)
        return rf"\.{stem}\.{unique}\.{kind}{suffix}"
    return f".{stem}.{unique}.{kind}{suffix}"


def _create(path: Path, folder: bool) -> int:
    """A new file or folder, locked; its descriptor, or -1 where there are no locks."""
    if folder:
        path.mkdir()
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    if fcntl is None:
        return -1
    try:
        lock = os.open(path, os.O_RDONLY)
    except OSError:  # no descriptor is left
        path.rmdir() if folder else path.unlink()
        raise
    with suppress(OSError):  # some file systems have no locks; there nothing is swept either
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def try_lock(descriptor: int) -> bool:
    """Whether nobody held the lock. OSError if the file system has none."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_open_at(descriptor: int, path: Path) -> bool:
    if descriptor < 0:
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step, so that at no moment one is missing; False where that cannot be.

    Raises:
        OSError: it failed for another reason.
    """
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = (os.fsencode(one), os.fsencode(other))
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _replace_in_two_steps(part: Path, target: Path) -> None:
    """Between the two, the old folder has only a hidden name, from which `sweep` restores it."""
    replaced = _sibling(target, "replaced")
    lock = os.open(target, os.O_RDONLY) if fcntl else -1
    try:
        with suppress(OSError):
            try_lock(lock)
        os.rename(target, replaced)
        try:
            os.rename(part, target)
        except OSError:
            os.rename(replaced, target)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        if lock >= 0:
            os.close(lock)


def _remove(path: Path) -> None:
    """Where one descriptor is left, too; shutil.rmtree needs two."""
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            for name in os.listdir(path):
                _remove(path / name)
            path.rmdir()
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
