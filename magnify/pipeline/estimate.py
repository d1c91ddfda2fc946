"""How long a job will take, from one of its frames."""

import time
from contextlib import closing

import torch

from magnify.pipeline.job import Job
from magnify.pipeline.prepare import Engine
from magnify.pipeline.run import open_clip
from magnify.pipeline.stream import stack

ROUNDS = 2
"""The first fills caches, and is not counted."""


@torch.inference_mode()
def estimated_seconds(job: Job, engine: Engine) -> float | None:
    """Estimates how long the model takes for a job, in seconds; None if its length is unknown.

    It runs one frame through the model. Reading, writing and filters come on top, and on a GPU
    many frames at once are quicker.

    Raises:
        MagnifyError: the input cannot be read.
    """
    clip = open_clip(job, engine, lambda message: None)
    if clip.count is None:
        return None
    with closing(clip.frames()) as frames:
        picture = stack([next(frames)])
    network = engine.network
    for _ in range(ROUNDS):
        began = time.perf_counter()
        texture, shape = network.encode(picture)
        motion = network.model.difference(shape, shape)
        network.decode(texture, shape, motion, job.alpha, like=picture).cpu()
        seconds = time.perf_counter() - began
    return seconds * clip.count
