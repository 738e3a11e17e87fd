"""The time of a whole request, and what its queries make of it."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from api.deadline import REQUEST_SECONDS, Served, present_request, serving_request
from api.errors import ClientGoneError, DatabaseUnavailableError
from api.queries.rows import given


@pytest.fixture
def client() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def present() -> Served:
    request = present_request()
    assert request is not None
    return request


def test_a_request_has_its_time_from_its_arrival(client: socket.socket) -> None:
    arrived = time.monotonic() - 2
    with serving_request(arrived, client):
        assert present().until == arrived + REQUEST_SECONDS
        assert present().seconds_left <= REQUEST_SECONDS - 2
        assert present().client is client
    assert present_request() is None


def test_a_request_ends_with_its_errors_too(client: socket.socket) -> None:
    with pytest.raises(ZeroDivisionError), serving_request(time.monotonic(), client):
        raise ZeroDivisionError
    assert present_request() is None


def test_the_time_of_a_request_is_of_its_thread_alone(client: socket.socket) -> None:
    seen = []
    with serving_request(time.monotonic(), client):
        thread = threading.Thread(target=lambda: seen.append(present_request()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_late_request_asks_nothing_more(client: socket.socket) -> None:
    late = time.monotonic() - REQUEST_SECONDS
    with (
        serving_request(late, client),
        pytest.raises(DatabaseUnavailableError, match="more than 5 seconds"),
        given(1_000),
    ):
        raise AssertionError("it was asked")


def test_nothing_is_asked_for_a_client_that_has_gone(client: socket.socket) -> None:
    with serving_request(time.monotonic(), client):
        present().client_is_gone = True
        with pytest.raises(ClientGoneError), given(1_000):
            raise AssertionError("it was asked")


def test_where_nothing_is_served_nothing_is_bounded() -> None:
    assert present_request() is None
    with given(1_000):
        asked = True
    assert asked
