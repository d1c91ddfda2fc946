"""Parts of outputs, made on many machines: Ray hands them out, and again where one is lost.

The machine that the command runs on plans, keeps the journals, and joins; so nothing is lost if it
dies. The others see the files at the same paths, or are sent them.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from magnify.errors import MagnifyError, SettingsError, VideoError
from magnify.interruption import check
from magnify.jobs.parts import Made, Order, make
from magnify.messages import Message, Notify, counted
from magnify.pipeline.job import Job
from magnify.version import __version__

INSTALL = "pip install 'magnify-video[cluster]'"

CORES_EACH = 4
"""Of a part, where the machines have so many."""

ATTEMPTS = 2
"""A part that failed is tried once more. One whose machine died is run elsewhere by Ray itself."""

LOST = 5
"""How often Ray runs a part anew whose machine has died."""

AHEAD = 2
"""Parts that are ordered for each that can run at a time: so no machine waits for the next."""

POLL_SECONDS = 0.2


class Cluster:
    """Machines that make parts.

    Args:
        address: of a running Ray cluster; "auto" finds the one that this machine belongs to.
        jobs: what is to be made; it is found out here whether all machines see its files.
        notify: is told what is sent to them.

    Raises:
        SettingsError: Ray is not installed, there is no such cluster, or its machines have another
            version of magnify.
    """

    def __init__(self, address: str, jobs: Sequence[Job], notify: Notify) -> None:
        self._ray = ray = _ray()
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise SettingsError(
                f"there is no Ray cluster at {address}: {str(error).splitlines()[0]}; start one "
                "with: ray start --head"
            ) from error
        nodes = [node for node in ray.nodes() if node["Alive"]]
        self._cores = max(1, int(min(CORES_EACH, *(_cpus(node) for node in nodes))))
        self._gpus = int(any(node["Resources"].get("GPU") for node in nodes))
        slots = sum(int(_cpus(node)) // self._cores for node in nodes)
        if self._gpus:
            slots = sum(int(node["Resources"].get("GPU", 0)) for node in nodes)
        self.slots = max(1, slots)
        self._make = ray.remote(_make_remotely)
        paths = sorted({str(path) for job in jobs for path in _files(job)})
        self._sent = self._send(_unseen(ray, nodes, paths), paths, len(nodes), notify)
        notify(
            Message(f"{counted(len(nodes), 'machine')}, {counted(self.slots, 'part')} at a time")
        )

    def close(self) -> None:
        """Leaves the cluster; what is still being made is dropped."""
        self._ray.shutdown()

    def made(self, job: Job, orders: Sequence[Order]) -> Iterator[Made]:
        """The parts of a job, in order.

        Raises:
            MagnifyError: one failed twice.
        """
        waiting = deque(orders)
        running: deque[tuple[Order, Any]] = deque()
        try:
            while waiting or running:
                while waiting and len(running) < AHEAD * self.slots:
                    order = waiting.popleft()
                    running.append((order, self._ordered(job, order)))
                order, reference = running[0]
                made = self._result(job, order, reference)
                running.popleft()
                yield made
        finally:
            for _, reference in running:
                self._ray.cancel(reference, force=False)

    def _result(self, job: Job, order: Order, reference: Any) -> Made:
        for attempt in range(ATTEMPTS):
            while not self._ray.wait([reference], timeout=POLL_SECONDS)[0]:
                check()
            try:
                found = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                found = "VideoError", f"{job.source.path}: a part was lost: {_first_line(error)}"
            if isinstance(found, Made):
                return found
            kind, text = found
            if kind == "SettingsError" or attempt + 1 == ATTEMPTS:
                raise (SettingsError if kind == "SettingsError" else VideoError)(text)
            reference = self._ordered(job, order)
        raise AssertionError("a result was returned or raised")

    def _ordered(self, job: Job, order: Order) -> Any:
        absolute = replace(
            job,
            source=replace(job.source, path=Path(os.path.abspath(job.source.path))),
            output=replace(job.output, path=Path(os.path.abspath(job.output.path))),
        )
        sent = {path: self._sent[path] for path in map(str, _files(job)) if path in self._sent}
        task = self._make.options(num_cpus=self._cores, num_gpus=self._gpus, max_retries=LOST)
        return task.remote(absolute.to_dict(), order, sent, self._cores)

    def _send(
        self, unseen: dict[str, int], paths: Sequence[str], machines: int, notify: Notify
    ) -> dict[str, Any]:
        """The content of files that not all machines see, in the cluster's own store."""
        sent = {}
        for path in paths:
            if path in unseen:
                if not Path(path).is_file():
                    raise SettingsError(
                        f"{path}: {unseen[path]} of {counted(machines, 'machine')} cannot see it, "
                        "and only files can be sent; put it where all of them see it"
                    )
                notify(
                    Message(f"{path}: {unseen[path]} of {machines} machines cannot see it; sent")
                )
                sent[path] = self._ray.put(Path(path).read_bytes())
        return sent


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise SettingsError(f"--cluster needs Ray: {INSTALL}") from error
    return ray


def _cpus(node: dict[str, Any]) -> float:
    return float(node["Resources"].get("CPU", 0))


def _files(job: Job) -> Iterator[Path]:
    """What a machine reads for a job."""
    yield Path(os.path.abspath(job.source.path))
    for path in (job.compute.weights, job.selection.mask):
        if path is not None:
            yield Path(os.path.abspath(path))


def _unseen(ray: Any, nodes: list[dict[str, Any]], paths: Sequence[str]) -> dict[str, int]:
    """How many machines do not see each file as it is here, for those that some do not.

    Raises:
        SettingsError: a machine has another version.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(_looked_at)
    asked = [
        look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(paths)
        for node in nodes
    ]
    here = _looked_at(paths)[1]
    unseen: dict[str, int] = {}
    for node, (version, there) in zip(nodes, _waited_for(ray, asked), strict=True):
        if version != __version__:
            raise SettingsError(
                f"the machine {node['NodeManagerHostname']} has magnify {version}, this one "
                f"{__version__}; install the same"
            )
        for path, state, its in zip(paths, here, there, strict=True):
            if state != its:
                unseen[path] = unseen.get(path, 0) + 1
    return unseen


def _waited_for(ray: Any, references: list[Any]) -> list[Any]:
    while len(ray.wait(references, num_returns=len(references), timeout=POLL_SECONDS)[0]) < len(
        references
    ):
        check()
    try:
        found: list[Any] = ray.get(references)
    except ray.exceptions.RayError as error:
        raise SettingsError(
            f"a machine of the cluster cannot run magnify: {_first_line(error)}"
        ) from error
    return found


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def _looked_at(paths: Sequence[str]) -> tuple[str, list[tuple[int, int] | None]]:
    """The version of magnify on a machine, and size and time of files as it sees them."""
    states: list[tuple[int, int] | None] = []
    for path in paths:
        state = None
        with suppress(OSError):
            found = os.stat(path)
            state = (found.st_size, found.st_mtime_ns)
        states.append(state)
    return __version__, states


def _make_remotely(
    job: dict[str, Any], order: Order, sent: dict[str, Any], cores: int
) -> Made | tuple[str, str]:
    """A task: the part, or the kind of what made it fail, and why in words."""
    import torch

    torch.set_num_threads(cores)
    try:
        whole = Job.from_dict(job)
        with TemporaryDirectory() as folder:
            clip, engine, named = _opened(whole, sent, Path(folder))
            return make(named, clip, engine, order, Path(folder, "encoder"))
    except MagnifyError as error:
        kind = "SettingsError" if isinstance(error, SettingsError) else "VideoError"
        return kind, str(error)


def _opened(job: Job, sent: dict[str, Any], folder: Path) -> tuple[Any, Any, Job]:
    """The clip, the engine, and the job with what was sent in place of what is not seen."""
    from magnify.pipeline.run import open_clip

    def here(path: Path) -> Path:
        if str(path) not in sent:
            return path
        import ray

        place = folder / f"{len(list(folder.iterdir()))}-{path.name}"
        place.write_bytes(ray.get(sent[str(path)]))
        return place

    source = replace(job.source, path=here(job.source.path))
    weights, mask = job.compute.weights, job.selection.mask
    compute = replace(job.compute, weights=weights and here(weights))
    selection = replace(job.selection, mask=mask and here(mask))
    named = replace(job, source=source, compute=compute, selection=selection)
    engine = _engine(compute if sent else job.compute)
    clip = open_clip(named, engine, lambda message: None)
    return clip, engine, replace(named, mode=job.mode.settled(clip, engine.network, lambda m: None))


@lru_cache(maxsize=1)
def _engine(compute: Any) -> Any:
    """What magnifies, loaded once for all parts that a machine's process makes."""
    from magnify.engine.runtime import tune_process
    from magnify.pipeline.prepare import prepare

    tune_process()
    return prepare(compute)
