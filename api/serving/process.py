"""A process of the API. Its main thread reads requests and sends responses for all its clients at
once, without ever waiting for one of them; threads serve the requests that have arrived whole.

gunicorn's own threads read from the socket and write to it: a client that sends half a request, or
does not read its response, holds one of them for as long as it likes.
"""

import errno
import math
import selectors
import signal
import socket
import time
from concurrent.futures import Future
from typing import Any, Final

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker
from werkzeug.exceptions import HTTPException, RequestTimeout

from api.bodies import decoded_path
from api.deadline import serving_request
from api.errors import ApiError, BusyError
from api.serving.connection import UNTAKEN_SECONDS, Connection, State
from api.serving.lanes import Lanes
from api.serving.rejection import write_rejection

# From the first byte of a request, or from the acceptance of its connection, to its last byte.
RECEIVE_SECONDS: Final = 10
SEND_ALL_SECONDS: Final = 60
_LINGER_SECONDS: Final = 2  # from a client's last byte: to read the last response before the end
_SWEEP_SECONDS: Final = 0.5
_HELD_MAX_BYTES: Final = 64 * 1024 * 1024  # for all clients of a process together

_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_NOT_THERE: Final = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR}


class Process(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's worker with threads, but for how it reads and writes."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._connections: set[Connection] = set()
        self._next_sweep = 0.0

    def load_wsgi(self) -> None:
        """Imports the application. SIGTERM ends the process at once meanwhile.

        gunicorn's own handler only notes the signal, so the process would go on importing for a
        second or more.
        """
        handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        super().load_wsgi()
        # Not before the fork: it opens what this process counts in.
        from api.observe import note_rejected  # noqa: PLC0415

        self._note_rejected = note_rejected
        signal.signal(signal.SIGTERM, handler)

    def get_thread_pool(self) -> Lanes:
        """Makes the threads."""
        return Lanes()

    def accept(self, listener: socket.socket) -> None:
        """Takes a client, and reads what it has sent already."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._drop_longest_waiting()
            elif error.errno not in _NOT_THERE:
                raise
            return
        deadline = time.monotonic() + RECEIVE_SECONDS
        connection = Connection(self.cfg, client, address, listener.getsockname(), deadline)
        self._connections.add(connection)
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._drop_longest_waiting()
        self._on_event(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            is_open = connection.receive()
        except OSError:
            is_open = False
        if not is_open:
            self._close(connection)
        elif connection.state is State.IDLE and connection.inbox:
            connection.state = State.RECEIVING
            connection.deadline = time.monotonic() + RECEIVE_SECONDS
            self._advance(connection)
        elif connection.state is State.RECEIVING:
            self._advance(connection)
        elif connection.state is State.ENDING:  # it still sends: it has not looked for our response
            self._linger(connection)

    def _advance(self, connection: Connection) -> None:
        """Has the next request served if it is here, or waits for the rest of it."""
        known = connection.inbox.head
        try:
            request = connection.inbox.take()
        except (ApiError, HTTPException) as error:
            self._reject(connection, error)
        except ParseException as error:
            self.handle_error(None, connection.sock, connection.client, error)
            connection.keeps = False
            self._send(connection)
        else:
            if request is not None:
                self._serve(connection, request)
                return
            self._watch(connection, selectors.EVENT_READ)
            if connection.inbox.missing and connection.inbox.head is not known:
                self._welcome_body(connection)

    def _welcome_body(self, connection: Connection) -> None:
        """Asks a client for a body that it does not send unasked."""
        if connection.inbox.awaits_continue():
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._flush(connection)
        self._bound_memory()

    def _serve(self, connection: Connection, request: Any) -> None:
        lane, now = self.tpool.of(decoded_path(request.path)), time.monotonic()
        if not lane.has_room(now):
            self._reject(connection, BusyError())
            return
        self._watch(connection, 0)
        connection.begin(request, now)
        served = lane.submit(self.handle, connection)
        served.add_done_callback(
            lambda done: self.method_queue.defer(self._finish, connection, done)
        )

    def handle(self, connection: Connection) -> bool:
        """Serves a request, in a thread of its lane, and sends what the client takes at once."""
        with serving_request(connection.arrived, connection.socket):
            keeps = bool(super().handle(connection))
        return self._flush(connection) and keeps

    def _finish(self, connection: Connection, served: "Future[bool]") -> None:
        connection.request = None
        error = served.exception()
        if error is not None:
            self.log.error("A thread failed.", exc_info=error)
        connection.keeps = error is None and served.result()
        self._send(connection)

    def _reject(self, connection: Connection, error: ApiError | HTTPException) -> None:
        """Answers in place of the application, which has not seen the request, and then closes."""
        head = connection.inbox.head
        method, path = (head.method, head.path) if head else ("", "")
        status = write_rejection(connection.sock, error, has_body=method != "HEAD")
        self._note_rejected(method, path, status)
        connection.keeps = False
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        """Sends the rest of a response as the client takes it, and goes on from there."""
        now, begins = time.monotonic(), connection.state is not State.SENDING
        if begins:
            connection.state = State.SENDING
            connection.give_up_at = now + SEND_ALL_SECONDS
        if not self._flush(connection):
            self._close(connection)
        elif connection.sock:
            connection.deadline = min(now + UNTAKEN_SECONDS, connection.give_up_at)
            self._watch(connection, selectors.EVENT_WRITE)
            if begins:  # it only becomes less
                self._bound_memory()
        elif connection.keeps:
            self._go_on(connection, now)
        else:
            self._end(connection)

    def _go_on(self, connection: Connection, now: float) -> None:
        """Turns to the next request of a client whose last one has its response."""
        if connection.inbox:
            connection.state, connection.deadline = State.RECEIVING, now + RECEIVE_SECONDS
            self._advance(connection)
            return
        keepalive = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
        connection.state, connection.deadline = State.IDLE, now + keepalive
        self._watch(connection, selectors.EVENT_READ)

    def _flush(self, connection: Connection) -> bool:
        """Sends what the client takes now. False where the client has gone."""
        try:
            connection.sock.flush()
        except OSError:
            return False
        return True

    def _end(self, connection: Connection) -> None:
        """Lets the client read the last response: one that is still sending would not."""
        connection.state = State.ENDING
        connection.give_up_at = time.monotonic() + RECEIVE_SECONDS
        self._linger(connection)
        try:
            connection.shut()
        except OSError:
            self._close(connection)
        else:
            self._watch(connection, selectors.EVENT_READ)

    def _linger(self, connection: Connection) -> None:
        connection.deadline = min(time.monotonic() + _LINGER_SECONDS, connection.give_up_at)

    def _watch(self, connection: Connection, events: int) -> None:
        """Waits for an event of a connection, or for none."""
        if events == connection.watched:
            return
        if not events:
            self.poller.unregister(connection)
        elif connection.watched:
            self.poller.modify(connection, events, self._on_event)
        else:
            self.poller.register(connection, events, self._on_event)
        connection.watched = events

    def _on_event(self, connection: Connection) -> None:
        # One of the same moment's events may have had it closed, to make room for another.
        if connection.state is State.SENDING:
            self._send(connection)
        elif connection.state is not State.CLOSED:
            self._receive(connection)

    def _close(self, connection: Connection) -> None:
        self._watch(connection, 0)
        connection.state = State.CLOSED
        self._connections.discard(connection)
        self.nr_conns -= 1
        connection.close()

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  gunicorn's
        """Ends the wait for clients whose time is over; or for all clients."""
        now = time.monotonic()
        if now < self._next_sweep and self.alive and not force:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        for connection in list(self._connections):
            waits = connection.state is not State.SERVING
            if waits and (force or connection.deadline <= now):
                self._give_up(connection)

    def murder_pending(self) -> None:
        """Does nothing: `murder_keepalived` ends all waits."""

    def _cap_keepalive(self, deadline: float) -> None:
        """Bounds the wait for clients without a request, for a process that stops."""
        for connection in self._connections:
            waits = connection.state in (State.IDLE, State.RECEIVING)
            if waits and not connection.inbox:
                connection.deadline = min(connection.deadline, deadline)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Waits for events; while the process stops, no longer than for the next client."""
        if not self.alive:
            ends = (each.deadline for each in self._connections if each.state is not State.SERVING)
            next_end = min(ends, default=math.inf) - time.monotonic()
            timeout = min(timeout, max(0.0, next_end))
        super().wait_for_and_dispatch_events(timeout)

    def _give_up(self, connection: Connection) -> None:
        if connection.state is State.RECEIVING and connection.inbox:
            self._reject(connection, RequestTimeout(f"Send a request within {RECEIVE_SECONDS} s."))
            return
        if connection.state is State.SENDING:
            connection.forget_unsent()
        self._close(connection)

    def _bound_memory(self) -> None:
        """Closes connections that hold most, until all together hold no more than they may."""
        waiting = [each for each in self._connections if each.state is not State.SERVING]
        held = sum(connection.held_bytes for connection in waiting)
        for connection in sorted(waiting, key=lambda each: each.held_bytes, reverse=True):
            if held <= _HELD_MAX_BYTES:
                return
            held -= connection.held_bytes
            self._close(connection)

    def _drop_longest_waiting(self) -> None:
        """Makes room for a client: an idle one is dropped first, then one that sends or reads."""
        waiting = [each for each in self._connections if each.state is not State.SERVING]
        if waiting:
            idle = [each for each in waiting if each.state is State.IDLE]
            self._close(min(idle or waiting, key=lambda each: each.deadline))
