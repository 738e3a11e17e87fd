"""One side of a generator works ahead of the other, and neither waits for the other in vain."""

import threading
from collections.abc import Iterator

import pytest

from worker.ahead import ahead


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def never() -> None:
    raise AssertionError("there was nothing to interrupt")


def test_everything_comes_in_order() -> None:
    with ahead(numbers(100), depth=3, interrupt=never) as made:
        assert list(made) == list(range(100))


def test_what_the_making_raises_is_raised_to_the_taker_after_what_was_made() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("It broke.")

    with ahead(failing(), depth=3, interrupt=lambda: None) as made:
        assert next(made) == 1
        with pytest.raises(OSError, match="It broke"):
            next(made)


def test_no_more_is_made_ahead_than_was_allowed() -> None:
    asked = []

    def counting() -> Iterator[int]:
        for number in range(10):
            asked.append(number)
            yield number

    with ahead(counting(), depth=2, interrupt=lambda: None) as made:
        assert next(made) == 0
    assert len(asked) <= 5


def test_leaving_early_ends_a_making_that_waits() -> None:
    news = threading.Event()

    def waiting() -> Iterator[int]:
        yield 1
        assert news.wait(30)
        yield 2

    with ahead(waiting(), depth=3, interrupt=news.set) as made:
        assert next(made) == 1
    assert news.is_set()
