"""The API as it runs: under gunicorn with its own configuration, in processes of its own."""

import contextlib
import email
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg2
import pytest

from local.database import Dsns
from tests.calling import api_environment, make_signed
from tests.faults import hang
from tests.gunicorn import DEADLINE_SECONDS, Gunicorn
from tests.proxies import HttpProxy
from tests.rig import AWS, moto_server
from tests.rows import make_movie


@pytest.fixture
def gunicorn(database: Dsns) -> Iterator[Gunicorn]:
    make_movie(database.admin)
    unused = {"PROMETHEUS_MULTIPROC_DIR": "/no/metrics/are/wanted"}
    with Gunicorn(api_environment(database.api, WEB_CONCURRENCY="1", **unused)) as running:
        yield running


def test_searches_are_served_and_every_line_of_the_log_is_json(gunicorn: Gunicorn) -> None:
    status, headers, movies = gunicorn.ask("GET", "/movies?title=treasure")
    assert (status, len(movies)) == (200, 1)
    request_id = headers["X-Request-ID"]
    gunicorn.wait_for(f'"request served".*{request_id}|{request_id}.*"request served"')
    lines = [json.loads(line) for line in gunicorn.lines]
    assert {line["room"] for line in lines} == {"api"}
    (served,) = [line for line in lines if line["event"] == "request served"]
    assert served["request_id"] == request_id
    assert (served["method"], served["path"], served["status"]) == ("GET", "/movies", 200)


def test_without_metrics_only_the_public_port_is_open(gunicorn: Gunicorn) -> None:
    assert gunicorn.ask("GET", "/metrics")[0] == 404
    master = psutil.Process(gunicorn.process.pid)
    open_ports = {
        connection.laddr.port
        for process in (master, *master.children())
        for connection in process.net_connections("inet")
    }
    assert open_ports == {gunicorn.port}


def test_no_response_names_the_server_and_all_have_the_headers_for_browsers(
    gunicorn: Gunicorn,
) -> None:
    _, live, _ = gunicorn.ask("GET", "/health/live")
    head, _ = gunicorn.send(b"GET / HTTP/1.1\r\nX-Bomb: " + b"x" * 9000 + b"\r\n\r\n")
    rejected = email.message_from_bytes(head.partition(b"\r\n")[2])
    assert live["Server"] == "movies-r-us"
    assert rejected["Server"] is None
    for headers in (live, rejected):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_where_nobody_can_see_imports_the_log_says_why(database: Dsns) -> None:
    environment = api_environment(database.api, MRU_IMPORTS_VISIBILITY="", MRU_OPERATOR_TOKEN="")
    with Gunicorn(environment) as gunicorn:
        gunicorn.wait_for(
            "Nobody can see imports: MRU_IMPORTS_VISIBILITY is operators, and "
            "MRU_OPERATOR_TOKEN is not set."
        )


def test_what_gunicorn_itself_refuses_is_a_problem_document_too(gunicorn: Gunicorn) -> None:
    gunicorn.ask("GET", "/health/live")  # so that the worker is up
    bombs = {
        b"GET /movies?title=" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n": 414,
        b"GET / HTTP/1.1\r\nX-Bomb: " + b"x" * 9000 + b"\r\n\r\n": 431,
        b"GET / HTTP/1.1\r\n" + b"X-Bomb: x\r\n" * 200 + b"\r\n": 431,
        b"GET / HTTP/1.1\r\nNo colon\r\n\r\n": 400,
        b"hello\r\n\r\n": 400,
    }
    for request, status in bombs.items():
        head, problem = gunicorn.send(request)
        assert head.startswith(b"HTTP/1.1 %d " % status), (request[:40], head)
        assert b"Content-Type: application/problem+json" in head
        assert problem["status"] == status


def test_the_longest_title_fits_into_a_request(gunicorn: Gunicorn) -> None:
    title = "%E6%98%A0" * 500
    status, _, movies = gunicorn.ask("GET", f"/movies?title={title}")
    assert (status, movies) == (200, [])


def test_a_body_of_unknown_length_is_rejected_unread(gunicorn: Gunicorn) -> None:
    head = (
        b"POST /notifications HTTP/1.1\r\nHost: api\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    )
    signature = "".join(
        f"{name}: {value}\r\n" for name, value in make_signed(b" ")["headers"].items()
    )
    chunks = (b"%x\r\n" % 8192 + b" " * 8192 + b"\r\n") * 9
    for headers, status in ((b"", 401), (signature.encode(), 411)):
        answer, problem = gunicorn.send(head + headers + b"\r\n" + chunks + b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert problem["status"] == status


def test_a_request_in_flight_is_finished_when_the_api_is_stopped(
    gunicorn: Gunicorn, database: Dsns
) -> None:
    answers: list[int] = []
    locker = psycopg2.connect(database.admin)
    with locker.cursor() as cursor:
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(target=lambda: answers.append(gunicorn.ask("GET", "/movies")[0]))
        thread.start()
        wait_for_a_blocked_query(cursor)
        gunicorn.process.send_signal(signal.SIGTERM)
        locker.rollback()
    thread.join(DEADLINE_SECONDS)
    locker.close()
    assert answers == [200]
    assert gunicorn.process.wait(DEADLINE_SECONDS) == 0


def wait_for_a_blocked_query(cursor: Any) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        if cursor.fetchone()[0]:
            return
    raise AssertionError("no query came")


def test_a_postgres_that_has_stopped_is_not_waited_for_without_end(
    gunicorn: Gunicorn, database: Dsns
) -> None:
    assert gunicorn.ask("GET", "/movies")[0] == 200
    with frozen_backends(database.admin):
        started = time.monotonic()
        status, _, _ = gunicorn.ask("GET", "/movies")  # on the connection that the pool kept
        assert time.monotonic() - started < 10
    assert status == 200  # on a new one
    assert gunicorn.ask("GET", "/movies")[0] == 200


@contextlib.contextmanager
def frozen_backends(dsn: str) -> Iterator[None]:
    """Stops the processes of Postgres that serve the API, as a machine that hangs would."""
    admin = psycopg2.connect(dsn)
    with admin.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%api'")
        pids = [pid for (pid,) in cursor.fetchall()]
    admin.close()
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_queue_that_never_answers_keeps_no_search_waiting(database: Dsns) -> None:
    make_movie(database.admin)
    with moto_server() as port, HttpProxy(port) as proxy:
        hole = proxy.plan(hang, times=100)
        environment = api_environment(
            database.api, **AWS, AWS_ENDPOINT_URL=proxy.url, WEB_CONCURRENCY="1"
        )
        with Gunicorn(environment) as gunicorn:
            post = make_signed({"bucket": "movies-r-us", "key": "movies.json"})
            headers = post["headers"] | {"Content-Type": post["content_type"]}
            answers: list[tuple[int, float]] = []

            def notify() -> None:
                started = time.monotonic()
                status, _, _ = gunicorn.ask(
                    "POST", "/notifications", body=post["data"], headers=headers
                )
                answers.append((status, time.monotonic() - started))

            threads = [threading.Thread(target=notify) for _ in range(2)]
            for thread in threads:
                thread.start()
            hole.wait(2)
            assert gunicorn.ask("GET", "/movies")[0] == 200
            assert answers == []  # both still wait for the queue
            for thread in threads:
                thread.join()
    assert [status for status, _ in answers] == [503, 503]
    assert max(seconds for _, seconds in answers) < 30  # the usual client would wait for 75
