"""Decoding ahead and encoding behind: generators and consumers in threads of their own.

Queues are bounded, so memory is; an exception in either thread reaches the caller.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1
"""How often a thread that waits for a full or empty queue looks whether the other side is gone."""


class _End:
    """Put behind the last item."""


def ahead(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """The same items, made in a thread up to `depth` before they are asked for.

    The thread closes `items` itself, also when the caller stops early.
    """
    made: queue.Queue[T | BaseException | type[_End]] = queue.Queue(depth)
    stopped = threading.Event()

    def produce() -> None:
        try:
            for item in items:
                if not _put(made, item, stopped.is_set):
                    break
            _put(made, _End, stopped.is_set)
        except BaseException as error:
            _put(made, error, stopped.is_set)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=produce, name="decode", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _End:
            if isinstance(item, BaseException):
                raise item
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


class _Consumer(Generic[T]):
    def __init__(self, consume: Callable[[T], None], depth: int) -> None:
        self.waiting: queue.Queue[T | type[_End]] = queue.Queue(depth)
        self.error: BaseException | None = None
        self.stopped = threading.Event()
        self.consume = consume
        self.thread = threading.Thread(target=self._run, name="encode", daemon=True)

    def _run(self) -> None:
        try:
            while (item := self.waiting.get()) is not _End and not self.stopped.is_set():
                self.consume(item)  # type: ignore[arg-type]
        except BaseException as error:
            self.error = error

    def put(self, item: T | type[_End]) -> None:
        _put(self.waiting, item, lambda: not self.thread.is_alive())
        if self.error is not None:
            raise self.error


@contextmanager
def behind(consume: Callable[[T], None], depth: int) -> Iterator[Callable[[T], None]]:
    """A `put` whose items `consume` takes in a thread, at most `depth` of them waiting.

    Leaving the context waits for the last item; leaving it by an exception drops what waits.
    What `consume` raises, `put` or the end of the context raises.
    """
    consumer = _Consumer(consume, depth)
    consumer.thread.start()
    try:
        yield consumer.put
    except BaseException:
        consumer.stopped.set()
        _put(consumer.waiting, _End, lambda: not consumer.thread.is_alive())
        consumer.thread.join()
        raise
    _put(consumer.waiting, _End, lambda: not consumer.thread.is_alive())
    consumer.thread.join()
    if consumer.error is not None:
        raise consumer.error


def _put(target: "queue.Queue[T]", item: T, gone: Callable[[], bool]) -> bool:
    """Puts the item as soon as there is room; False if the other side is gone by then."""
    while not gone():
        try:
            target.put(item, timeout=POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
