"""What the main thread of a process decides: real sockets, its loop turned by hand."""

import contextlib
import logging
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.config import Config

from api.serving import process as module
from api.serving.connection import Connection, State
from api.serving.process import RECEIVE_SECONDS, Process
from api.serving.rejection import write_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DEADLINE_SECONDS = 30
GET = b"GET /x HTTP/1.1\r\nHost: api\r\n\r\n"
BEGUN_POST = b"POST /x HTTP/1.1\r\nHost: api\r\nContent-Length: 60000\r\n\r\n{"


class Log(logging.Logger):
    """gunicorn's, as far as a process needs it; keeps which errors were logged."""

    def __init__(self) -> None:
        super().__init__("gunicorn")
        self.errors: list[type[BaseException] | None] = []
        self.addFilter(self._note)

    def _note(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            self.errors.append(record.exc_info[0])
        return False

    def access(self, *_: object) -> None:
        """Writes nothing; gunicorn's own logger has this, too."""


class Server:
    """A process without its loop, an application that says what a test wants, and its clients."""

    def __init__(self) -> None:
        self.log, configuration = Log(), Config()
        configuration.set("worker_connections", 4)
        configuration.set("keepalive", 65)
        self.process = Process(1, os.getppid(), [], None, 30, configuration, self.log)
        self.process.tpool = self.process.get_thread_pool()
        self.process.poller = selectors.DefaultSelector()
        self.process.method_queue.init()
        self.process.poller.register(
            self.process.method_queue.fileno(),
            selectors.EVENT_READ,
            self.process.method_queue.run_callbacks,
        )
        self.process.wsgi = self._application
        self.process._note_rejected = lambda *noted: self.rejected.append(noted)
        self.rejected: list[tuple[str, str, int]] = []
        self.said = b"hello"
        self.clients: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))

    def connect(self, sent: bytes = b"", *, buffer: int | None = None) -> Connection:
        """Connects a client, and returns the server's side of it."""
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(DEADLINE_SECONDS)
        client.connect(self.listener.getsockname())
        self.clients.append(client)
        known = set(self.process._connections)
        self.process.accept(self.listener)
        (connection,) = self.process._connections - known
        waits = connection.state
        client.sendall(sent)
        if sent:
            self.turn_until(lambda: bool(connection.inbox) or connection.state is not waits)
        return connection

    def turn_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline
            self.process.wait_for_and_dispatch_events(0.05)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for connection in list(self.process._connections):
            if connection.state is not State.SERVING:
                self.process._close(connection)
        self.listener.close()
        self.process.tpool.shutdown()
        self.process.poller.close()
        self.process.method_queue.close()
        self.process.tmp.close()

    def _application(self, _: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(self.said)))])
        return [self.said]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("gunicorn.util.write_error", write_problem)  # as gunicorn_conf.py does
    with contextlib.closing(Server()) as made:
        yield made


def idle(server: Server) -> Connection:
    """Connects a client that has had a response."""
    connection = server.connect(GET)
    server.turn_until(lambda: connection.state is State.IDLE)
    assert server.clients[-1].recv(4096).startswith(b"HTTP/1.1 200 ")
    return connection


def receiving(server: Server, sent: bytes = GET[:9]) -> Connection:
    connection = server.connect(sent)
    server.turn_until(lambda: len(connection.inbox) == len(sent))
    return connection


def send_a_byte(server: Server, connection: Connection) -> None:
    size = len(connection.inbox)
    server.clients[-1].sendall(b"x")
    server.turn_until(lambda: len(connection.inbox) == size + 1)


def sending(server: Server) -> Connection:
    """Connects a client that does not read its response."""
    server.said = b"x" * 20_000_000
    connection = server.connect(GET, buffer=4096)
    server.turn_until(lambda: connection.state is State.SENDING)
    return connection


def read_all(client: socket.socket) -> None:
    while client.recv(1 << 20):
        pass


def test_a_connection_that_was_closed_meanwhile_is_left_alone(server: Server) -> None:
    for make in (idle, receiving):
        connection = make(server)
        server.process._close(connection)
        server.process._on_event(connection)  # of the same moment
        assert server.process.nr_conns == 0


def test_where_a_process_is_full_an_idle_connection_makes_room(server: Server) -> None:
    first, second = receiving(server), idle(server)
    third = receiving(server)
    assert server.process.nr_conns == 3
    server.connect()
    assert second.state is State.CLOSED
    assert {first.state, third.state} == {State.RECEIVING}
    assert server.process.nr_conns == 3


def test_without_idle_ones_the_one_whose_time_ends_first_makes_room(server: Server) -> None:
    first, second, third = (receiving(server) for _ in range(3))
    fourth = server.connect(GET)
    assert first.state is State.CLOSED
    assert {second.state, third.state} == {State.RECEIVING}
    server.turn_until(lambda: fourth.state is State.IDLE)
    assert server.clients[-1].recv(4096).startswith(b"HTTP/1.1 200 ")


def test_what_clients_make_a_process_hold_is_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HELD_MAX_BYTES", 130_000)
    server.process.worker_connections = 10
    small = receiving(server)
    first, second = receiving(server, BEGUN_POST), receiving(server, BEGUN_POST)
    assert {first.state, second.state, small.state} == {State.RECEIVING}
    third = server.connect(BEGUN_POST)
    states = [each.state for each in (first, second, third)]
    assert sorted(state.name for state in states) == ["CLOSED", "RECEIVING", "RECEIVING"]
    assert small.state is State.RECEIVING


def test_responses_that_nobody_reads_are_held_to_the_same_bound(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HELD_MAX_BYTES", 1_000_000)
    server.said = b"x" * 20_000_000
    small, large = receiving(server), server.connect(GET, buffer=4096)
    server.turn_until(lambda: large.state is not State.SERVING)
    assert large.state is State.CLOSED
    assert small.state is State.RECEIVING


def test_the_bound_costs_nothing_for_each_byte_of_a_body(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []
    monkeypatch.setattr(Process, "_bound_memory", lambda _: times.append(1))
    connection = receiving(server, BEGUN_POST)
    for _ in range(20):
        send_a_byte(server, connection)
    assert len(times) == 1


def test_who_has_sent_half_a_request_in_its_time_is_told_so(server: Server) -> None:
    idle(server)
    connection = receiving(server, BEGUN_POST)
    connection.deadline = time.monotonic()
    server.process.murder_keepalived()
    assert server.clients[-1].recv(4096).startswith(b"HTTP/1.1 408 ")
    assert connection.state is State.ENDING
    assert server.rejected == [("POST", "/x", 408)]


def test_a_timed_out_second_request_is_not_counted_as_the_first(server: Server) -> None:
    connection = idle(server)
    server.clients[-1].sendall(b"POST /noti")
    server.turn_until(lambda: bool(connection.inbox))
    connection.deadline = time.monotonic()
    server.process.murder_keepalived()
    assert server.rejected == [("", "", 408)]


def test_the_time_of_a_request_is_not_prolonged_by_its_bytes(server: Server) -> None:
    connection = receiving(server)
    deadline = connection.deadline
    assert deadline <= time.monotonic() + RECEIVE_SECONDS
    send_a_byte(server, connection)
    assert connection.deadline == deadline


def test_who_does_not_read_is_cut_off_without_a_rest(server: Server) -> None:
    connection = sending(server)
    connection.deadline = time.monotonic()
    server.process.murder_keepalived()
    assert connection.state is State.CLOSED
    with pytest.raises(ConnectionResetError):
        read_all(server.clients[-1])


def test_a_response_that_no_socket_takes_at_once_arrives_whole(server: Server) -> None:
    server.said = b"".join(b"%07d\n" % number for number in range(2_500_000))
    connection = server.connect(GET)
    server.turn_until(lambda: connection.state is State.SENDING)
    received = bytearray()
    while not received.endswith(b"\r\n\r\n" + server.said):
        received += server.clients[-1].recv(1 << 20)
        server.process.wait_for_and_dispatch_events(0)
        assert len(received) < len(server.said) + 1_000
    server.turn_until(lambda: connection.state is State.IDLE)


def test_who_reads_has_a_bound_for_all_of_it_too(server: Server) -> None:
    connection = sending(server)
    assert connection.deadline < connection.give_up_at
    connection.give_up_at = time.monotonic()
    server.process._send(connection)
    assert connection.deadline == connection.give_up_at


def test_a_process_that_stops_keeps_no_idle_connection(server: Server) -> None:
    first, second = idle(server), server.connect()
    third = receiving(server)
    deadline = third.deadline
    server.process.alive = False
    server.process._cap_keepalive(time.monotonic() + 2)
    for connection in (first, second):
        assert connection.deadline <= time.monotonic() + 2
    assert third.deadline == deadline


def test_a_process_that_stops_keeps_none_that_becomes_idle(server: Server) -> None:
    connection = server.connect(GET[:9])
    server.process.alive = False
    server.process._cap_keepalive(time.monotonic() + 2)
    server.process._go_on(connection, time.monotonic())
    server.clients[-1].sendall(GET[9:])
    server.turn_until(lambda: connection.state is State.ENDING)
    other = server.connect()
    server.process._go_on(other, time.monotonic())
    assert other.state is State.IDLE
    assert other.deadline <= time.monotonic() + 2


def test_a_process_that_stops_lets_a_client_read_its_response(server: Server) -> None:
    connection = sending(server)
    deadline = connection.deadline
    server.process.alive = False
    server.process._cap_keepalive(time.monotonic() + 2)
    assert connection.deadline == deadline


def test_a_lane_without_room_rejects_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.process.tpool.searches, "has_room", lambda _: False)
    server.connect(GET)
    response = server.clients[-1].recv(4096)
    assert response.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in response
    assert server.rejected == [("GET", "/x", 503)]


def test_an_application_that_fails_ends_its_connection_alone(server: Server) -> None:
    def fail(*_: Any) -> list[bytes]:
        raise ZeroDivisionError

    server.process.wsgi = fail
    other = receiving(server)
    failed = server.connect(GET)
    server.turn_until(lambda: failed.state is State.ENDING)
    assert server.clients[-1].recv(4096).startswith(b"HTTP/1.1 500 ")
    assert other.state is State.RECEIVING


def test_a_thread_that_fails_is_logged_and_ends_its_connection_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Process, "handle", fail)
    other = receiving(server)
    failed = server.connect(GET)
    server.turn_until(lambda: failed.state is State.ENDING)
    assert server.clients[-1].recv(4096) == b""
    assert other.state is State.RECEIVING
    assert server.log.errors == [ZeroDivisionError]
