"""Threads beside the caller: order, errors, clean ends, and no deadlock when interrupted."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from magnify.pipeline.threads import ahead, behind


class Source:
    """Counts, and knows how far it got and whether it was closed."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.made = 0
        self.closed_in: str | None = None
        self.fails_at = fails_at

    def items(self, count: int) -> Iterator[int]:
        try:
            for number in range(count):
                if number == self.fails_at:
                    raise ValueError(f"no item {number}")
                self.made += 1
                yield number
        finally:
            self.closed_in = threading.current_thread().name


def test_items_come_in_order_and_are_closed_where_they_were_made() -> None:
    source = Source()
    assert list(ahead(source.items(100), 3)) == list(range(100))
    assert source.closed_in not in (None, threading.current_thread().name)


def test_no_more_is_made_ahead_than_was_asked_for() -> None:
    source = Source()
    items = ahead(source.items(100), 3)
    assert next(items) == 0
    items.close()
    assert source.closed_in is not None
    assert source.made <= 1 + 3 + 1  # taken, waiting, and one in hand


def test_an_error_comes_after_the_items_before_it() -> None:
    source = Source(fails_at=2)
    items = ahead(source.items(100), 5)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ValueError, match="no item 2"):
        next(items)
    assert source.closed_in is not None


def test_all_is_consumed_in_another_thread_before_the_context_ends() -> None:
    consumed: list[int] = []
    threads = set()

    def consume(item: int) -> None:
        threads.add(threading.get_ident())
        consumed.append(item)

    with behind(consume, 2) as put:
        for number in range(50):
            put(number)
    assert consumed == list(range(50))
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("more", [0, 100])
def test_what_the_consumer_raises_reaches_the_caller(more: int) -> None:
    def consume(item: int) -> None:
        raise ValueError(f"no room for {item}")

    def fill() -> None:
        with behind(consume, 2) as put:
            for number in range(1 + more):
                put(number)

    with pytest.raises(ValueError, match="no room for 0"):
        fill()


def test_an_error_of_the_caller_drops_what_waits() -> None:
    consumed: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def consume(item: int) -> None:
        begun.set()
        go_on.wait(10)
        consumed.append(item)

    def fail() -> None:
        with behind(consume, 8) as put:
            for number in range(5):
                put(number)
            begun.wait(10)
            threading.Timer(0.1, go_on.set).start()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert consumed == [0]


INTERRUPTED = """
import faulthandler, random, signal, sys, time
from magnify.pipeline.threads import ahead, behind

def interrupt(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
draw = random.Random(int(sys.argv[1]))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    faulthandler.dump_traceback_later(20, exit=True)
    try:
        with behind(lambda item: None, 4) as put:
            signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.0002, 0.004))
            for item in ahead(iter(range(10**9)), 4):
                put(item)
                for _ in range(draw.randrange(100)):
                    pass
    except KeyboardInterrupt:
        pass
"""
"""Ctrl-C in a program of its own raises between any two steps, also of these functions."""


def interrupted(seed: int, seconds: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(seed), str(seconds)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"


needs_timers = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGALRM")


@needs_timers
def test_an_exception_at_any_step_leaves_no_thread_waiting() -> None:
    interrupted(seed=0, seconds=1.0)


@needs_timers
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_exceptions_at_many_steps(seed: int) -> None:
    interrupted(seed, seconds=5.0)
