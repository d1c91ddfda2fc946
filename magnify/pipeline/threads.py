"""Decoding ahead and encoding behind: generators and consumers in threads of their own.

Queues are bounded, so memory is; an exception in either thread reaches the caller.

The caller may be interrupted anywhere: in a program of its own, Ctrl-C raises KeyboardInterrupt
between any two steps. What is written in Python (queue.Queue, Condition, Event, Thread.join) can
then be left with a lock taken, and the other thread waits for ever. So the threads only share
SimpleQueues, each of whose steps is whole, and attributes; and a bound is a second queue, which
holds a token for each item that there is room for.
"""

import _thread
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from magnify.interruption import check

T = TypeVar("T")

POLL_SECONDS = 0.1
"""How often a caller that waits for a thread looks whether a signal is to end the command."""


class _End:
    """Put behind the last item."""


class _Failure:
    """Put instead of what could not be made."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Thread:
    """Runs `work` beside the caller, which shares `room` with it: as many tokens as items fit.

    Attributes:
        stopped: the caller wants no more.
        over: the thread has nothing left to do.
        error: what `work` has raised.
    """

    def __init__(self, work: Callable[[], None], depth: int) -> None:
        self.room: SimpleQueue[None] = SimpleQueue()
        for _ in range(depth):
            self.room.put(None)
        self.stopped = self.over = False
        self.error: BaseException | None = None
        self._work = work
        self._ended: SimpleQueue[None] = SimpleQueue()  # wakes who waits; `over` is what counts
        self._identity: int | None = None

    def start(self) -> None:
        # Thread.start waits for a Condition.
        self._identity = _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error
        finally:
            self.over = True
            self._ended.put(None)
            self.room.put(None)

    def finish(self) -> None:
        """Waits for the thread's end.

        Raises:
            Interrupted: a signal came first.
        """
        while not self.over:
            check()
            with suppress(Empty):
                self._ended.get(timeout=POLL_SECONDS)

    def stop(self) -> None:
        """Ends the thread after the item that it is at, and waits for that, whatever happens."""
        self.stopped = True
        self.room.put(None)
        while self._identity is not None and not self.over:
            # Also through another Ctrl-C: what follows must find the thread gone.
            with suppress(BaseException):
                self._ended.get(timeout=POLL_SECONDS)


def ahead(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """The same items, made in a thread up to `depth` before they are asked for.

    The thread closes `items` itself, also when the caller stops early.

    Raises:
        Interrupted: a signal is to end the command.
    """
    made: SimpleQueue[T | _Failure | type[_End]] = SimpleQueue()

    def produce() -> None:
        try:
            for item in items:
                thread.room.get()
                if thread.stopped:
                    break
                made.put(item)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def work() -> None:
        try:
            produce()
            made.put(_End)
        except BaseException as error:
            made.put(_Failure(error))

    thread = _Thread(work, depth)
    try:
        thread.start()
        while (item := _next(made)) is not _End:
            if isinstance(item, _Failure):
                raise item.error
            thread.room.put(None)
            yield item  # type: ignore[misc]
    finally:
        thread.stop()


class _Consumer(Generic[T]):
    def __init__(self, consume: Callable[[T], None], depth: int) -> None:
        self.waiting: SimpleQueue[T | type[_End]] = SimpleQueue()
        self.thread = _Thread(self._work, depth)
        self.consume = consume

    def _work(self) -> None:
        while (item := self.waiting.get()) is not _End and not self.thread.stopped:
            self.thread.room.put(None)
            self.consume(item)  # type: ignore[arg-type]

    def put(self, item: T) -> None:
        _next(self.thread.room)
        self.raise_error()
        self.waiting.put(item)

    def finish(self) -> None:
        self.waiting.put(_End)
        self.thread.finish()
        self.raise_error()

    def stop(self) -> None:
        self.thread.stopped = True
        self.waiting.put(_End)
        self.thread.stop()

    def raise_error(self) -> None:
        if self.thread.error is not None:
            raise self.thread.error


@contextmanager
def behind(consume: Callable[[T], None], depth: int) -> Iterator[Callable[[T], None]]:
    """A `put` whose items `consume` takes in a thread, at most `depth` of them waiting.

    Leaving the context waits for the last item; leaving it by an exception drops what waits.
    What `consume` raises, `put` or the end of the context raises.

    Raises:
        Interrupted: by `put` or the end of the context; a signal is to end the command.
    """
    consumer = _Consumer(consume, depth)
    try:
        consumer.thread.start()
        yield consumer.put
        consumer.finish()
    finally:
        consumer.stop()


def _next(queue: "SimpleQueue[T]") -> T:
    """The queue's next item, unless a signal comes first."""
    while True:
        check()
        try:
            return queue.get(timeout=POLL_SECONDS)
        except Empty:
            continue
