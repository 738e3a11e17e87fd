"""Lanes: which requests share threads, and when another may wait for one."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from api.serving.connection import Connection
from api.serving.lanes import Lane, Lanes

MOMENT = 1_000.0
SECONDS = 0.5
DEADLINE_SECONDS = 30


class Held:
    """A lane with one thread, whose requests end when a test says so."""

    def __init__(self) -> None:
        self.lane = Lane(1, waiting=2, seconds=SECONDS)
        self._may_end = threading.Semaphore(0)
        self._served: list[Future[bool]] = []
        self._began = threading.Semaphore(0)

    def submit(self, connection: Connection, *, arrived: float = MOMENT) -> None:
        connection.arrived = arrived
        self._served.append(self.lane.submit(self._serve, connection))

    def wait_for_a_beginning(self) -> None:
        assert self._began.acquire(timeout=DEADLINE_SECONDS)

    def end_one(self) -> None:
        self._may_end.release()

    def close(self) -> None:
        for _ in self._served:
            self._may_end.release()
        for served in self._served:
            assert served.result(DEADLINE_SECONDS)
        self.lane.shutdown()

    def _serve(self, _: Connection) -> bool:
        self._began.release()
        return self._may_end.acquire(timeout=DEADLINE_SECONDS)


def make_connection() -> Connection:
    """Makes one without a client: a lane asks it nothing but when its request arrived."""
    return Connection.__new__(Connection)


@pytest.fixture
def held() -> Iterator[Held]:
    with contextlib.closing(Held()) as one:
        yield one


def make_busy(held: Held) -> None:
    held.submit(make_connection())
    held.wait_for_a_beginning()


def test_as_many_wait_as_a_lane_has_places_for(held: Held) -> None:
    assert held.lane.has_room(MOMENT)
    make_busy(held)
    for _ in range(2):
        assert held.lane.has_room(MOMENT)
        held.submit(make_connection())
    assert not held.lane.has_room(MOMENT)


def test_nobody_begins_to_wait_behind_one_that_waits_for_long(held: Held) -> None:
    make_busy(held)
    held.submit(make_connection())
    assert held.lane.has_room(MOMENT + SECONDS)
    assert not held.lane.has_room(MOMENT + SECONDS + 0.01)


def test_a_request_that_is_being_served_waits_no_longer(held: Held) -> None:
    make_busy(held)
    assert held.lane.has_room(MOMENT + 100)
    held.submit(make_connection())
    held.end_one()
    held.wait_for_a_beginning()
    assert held.lane.has_room(MOMENT + 100)


def test_a_connection_does_not_wait_where_its_last_request_was_served(held: Held) -> None:
    other = Held()
    connection = make_connection()
    held.submit(connection)
    held.wait_for_a_beginning()
    held.end_one()
    make_busy(other)
    other.submit(connection)  # its next request, in another lane
    assert held.lane.has_room(MOMENT + 100)
    assert not other.lane.has_room(MOMENT + 100)
    other.close()


def test_a_lane_tells_what_its_thread_returned() -> None:
    lane = Lane(1, waiting=1, seconds=SECONDS)
    connection = make_connection()
    connection.arrived = MOMENT
    seen: list[Connection] = []

    def serve(one: Connection) -> bool:
        seen.append(one)
        return False

    assert lane.submit(serve, connection).result(DEADLINE_SECONDS) is False
    assert seen == [connection]
    lane.shutdown()


@pytest.mark.parametrize(
    ("path", "lane"),
    [
        ("/", "searches"),
        ("/movies", "searches"),
        ("/suggest", "searches"),
        ("/imports", "searches"),
        ("/nowhere", "searches"),
        ("/ui/staticky", "searches"),
        ("/healthy", "searches"),
        ("/notifications", "notifications"),
        ("/notifications/x", "searches"),
        ("/health/live", "live"),
        ("/health/ready", "light"),
        ("/ui/static/site.css", "light"),
        ("/docs", "light"),
        ("/openapi.json", "light"),
        ("/robots.txt", "light"),
    ],
)
def test_each_kind_of_request_has_a_lane(path: str, lane: str) -> None:
    lanes = Lanes()
    assert lanes.of(path) is getattr(lanes, lane)
    lanes.shutdown()


def test_no_lane_keeps_a_thread_once_all_are_shut() -> None:
    lanes = Lanes()
    threads: list[threading.Thread] = []

    def serve(_: Connection) -> bool:
        threads.append(threading.current_thread())
        return True

    connection = make_connection()
    connection.arrived = MOMENT
    for lane in (lanes.searches, lanes.notifications, lanes.live, lanes.light):
        lane.submit(serve, connection).result(DEADLINE_SECONDS)
    lanes.shutdown()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert len(threads) == 4
    assert not any(thread.is_alive() for thread in threads)
