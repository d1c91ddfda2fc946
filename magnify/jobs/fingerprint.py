"""What tells whether a job, and what it reads, are still the same."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from magnify.pipeline.job import Job
from magnify.pipeline.prepare import Engine
from magnify.version import __version__
from magnify.video.images import is_image_sequence, list_images

ENDS = 2**20
"""So many bytes at both ends of a file are looked at; to read all of it would take too long."""


def fingerprint(job: Job, engine: Engine) -> dict[str, Any]:
    """All that the result depends on, as plain data: settings, input, weights, device, version.

    Raises:
        OSError, VideoError: the input cannot be read.
    """
    runtime = engine.network.runtime
    known = replace(job, compute=engine.compute).to_dict()
    known["source"]["path"] = os.path.abspath(job.source.path)
    known["output"]["path"] = os.path.abspath(job.output.path)
    del known["output"]["overwrite"]
    return {
        "magnify": __version__,
        "job": _digest(known),
        "input": _input(job.source.path),
        "mask": None if job.selection.mask is None else _input(job.selection.mask),
        "device": str(runtime.device),
        "precision": runtime.precision,
    }


def changes(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two fingerprints, in words."""
    names = {
        "magnify": "the version",
        "job": "the settings",
        "input": "the input",
        "mask": "the mask",
    }
    differing = [names.get(key, f"the {key}") for key in now if before.get(key) != now[key]]
    return " and ".join(differing)


def _input(path: Path) -> str:
    files = list_images(path) if is_image_sequence(path) else [path]
    return _digest([_file(one) for one in files])


def _file(path: Path) -> list[Any]:
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        ends = hashlib.sha256(file.read(ENDS))
        file.seek(max(0, about.st_size - ENDS))
        ends.update(file.read())
    return [path.name, about.st_size, about.st_mtime_ns, ends.hexdigest()]


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]
