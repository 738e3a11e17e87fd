"""How gunicorn serves clients of every kind: by its own processes, over real connections."""

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

import boto3
import psutil
import psycopg2
import pytest

from api.gunicorn_conf import graceful_timeout, worker_connections
from api.serving.process import RECEIVE_SECONDS
from local.database import Dsns
from local.postgres import Address
from tests.calling import api_environment, make_signed
from tests.databases import make_database
from tests.gunicorn import DEADLINE_SECONDS, Gunicorn
from tests.rig import wait_until
from tests.rows import make_movie, make_movies

GET = b"GET /movies?title=treasure HTTP/1.1\r\nHost: api\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: api\r\n\r\n"


@contextlib.contextmanager
def serving(database: Dsns, **environment: str) -> Iterator[Gunicorn]:
    with Gunicorn(api_environment(database.api, WEB_CONCURRENCY="1", **environment)) as gunicorn:
        assert gunicorn.ask("GET", "/movies?title=treasure")[0] == 200
        yield gunicorn


@pytest.fixture(scope="module")
def gunicorn(postgres: Address) -> Iterator[Gunicorn]:
    with make_database(postgres) as database:
        make_movie(database.admin)
        cast = [f"{'Fat name ' * 3}{number}" for number in range(150)]
        make_movies(database.admin, ({"title": f"Fat {n}", "cast": cast} for n in range(100)))
        with serving(database) as running:
            yield running


@pytest.fixture
def stopping(database: Dsns) -> Iterator[Gunicorn]:
    """One for tests that end it."""
    make_movie(database.admin)
    with serving(database) as running:
        yield running


@contextlib.contextmanager
def connected(gunicorn: Gunicorn, *, buffer: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as client:
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(DEADLINE_SECONDS)
        client.connect(("127.0.0.1", gunicorn.port))
        yield client


def read_response(received: IO[bytes], *, body: bool = True) -> tuple[int, dict[str, str], bytes]:
    """Reads one response, and nothing of what comes behind it."""
    status = int(received.readline().split()[1])
    headers = {}
    while (line := received.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", 0)) if body else 0
    return status, headers, received.read(length)


def held(gunicorn: Gunicorn) -> int:
    """Returns how many connections the processes hold on the public port."""
    master = psutil.Process(gunicorn.process.pid)
    found = [each for child in master.children() for each in child.net_connections("inet")]
    return sum(each.laddr.port == gunicorn.port and bool(each.raddr) for each in found)


def wait_until_nothing_is_held(gunicorn: Gunicorn) -> None:
    wait_until("the server holds no connection", lambda: held(gunicorn) == 0)


def test_requests_on_one_connection_are_answered_one_after_another(gunicorn: Gunicorn) -> None:
    with connected(gunicorn) as client, client.makefile("rb") as received:
        for request, length in ((GET, 1), (LIVE, None), (GET, 1)):
            client.sendall(request)
            status, headers, body = read_response(received)
            assert (status, headers.get("connection")) == (200, "keep-alive")
            assert length is None or len(json.loads(body)) == length


def test_requests_that_come_at_once_are_answered_in_their_order(gunicorn: Gunicorn) -> None:
    slow, quick = GET.replace(b"treasure", b"fat&limit=100"), LIVE
    with connected(gunicorn) as client, client.makefile("rb") as received:
        client.sendall((slow + quick + GET) * 5)
        for _ in range(5):
            answers = [json.loads(read_response(received)[2]) for _ in range(3)]
            assert [len(answers[0]), answers[1], len(answers[2])] == [100, {"status": "live"}, 1]


def test_after_a_connection_that_is_to_be_closed_nothing_more_is_answered(
    gunicorn: Gunicorn,
) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with connected(gunicorn) as client, client.makefile("rb") as received:
        client.sendall(GET + last + GET)
        assert [read_response(received)[0] for _ in range(2)] == [200, 200]
        assert received.read() == b""


def test_a_request_that_comes_byte_by_byte_is_served(gunicorn: Gunicorn) -> None:
    with connected(gunicorn) as client, client.makefile("rb") as received:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(GET)):
            client.sendall(GET[at : at + 1])
        assert read_response(received)[0] == 200


def test_a_client_that_has_sent_all_may_close_its_side(gunicorn: Gunicorn) -> None:
    with connected(gunicorn) as client, client.makefile("rb") as received:
        client.sendall(LIVE)
        client.shutdown(socket.SHUT_WR)
        assert read_response(received)[0] == 200
        assert received.read() == b""


def test_clients_that_close_half_way_leave_nothing(gunicorn: Gunicorn) -> None:
    post = b"POST /x HTTP/1.1\r\nHost: api\r\nContent-Length: 60000\r\n\r\n{"
    with contextlib.ExitStack() as stack:
        for sent in (b"", b"G", GET[:20], GET[:-1], post, LIVE, GET) * 5:
            stack.enter_context(connected(gunicorn)).sendall(sent)
        wait_until("the server holds them", lambda: held(gunicorn) == 35)
    wait_until_nothing_is_held(gunicorn)
    assert gunicorn.ask("GET", "/movies?title=treasure")[0] == 200


def test_where_all_connections_are_taken_another_is_served(gunicorn: Gunicorn) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(worker_connections + 50):
            stack.enter_context(connected(gunicorn))
        began = time.monotonic()
        for _ in range(3):
            assert gunicorn.ask("GET", "/movies?title=treasure")[0] == 200
        assert time.monotonic() - began < RECEIVE_SECONDS / 2  # after which all of them are closed
        assert held(gunicorn) <= worker_connections
    wait_until_nothing_is_held(gunicorn)


def test_a_long_response_reaches_a_client_that_reads_it_slowly(gunicorn: Gunicorn) -> None:
    _, _, movies = gunicorn.ask("GET", "/movies?title=fat&limit=100")
    with connected(gunicorn, buffer=4096) as client:
        client.sendall(GET.replace(b"treasure", b"fat&limit=100"))
        data = b""
        while not data.endswith(b"}]"):
            data += client.recv(8192)
            time.sleep(0.005)  # this is the slowness
            assert len(data) < 1_000_000
        # The connection is as good as before.
        client.sendall(LIVE)
        assert client.recv(8192).startswith(b"HTTP/1.1 200 ")
    assert len(data) > 300_000
    assert json.loads(data.partition(b"\r\n\r\n")[2]) == movies


# Bodies.


def test_a_body_that_is_too_long_is_rejected_readably(gunicorn: Gunicorn) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gunicorn.port, timeout=DEADLINE_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST", "/movies", body=b" " * 20_000_000)  # all of it
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["status"]) == (413, 413)


def test_who_goes_on_sending_can_read_the_rejection_later(gunicorn: Gunicorn) -> None:
    with connected(gunicorn) as client, client.makefile("rb") as received:
        client.sendall(b"POST /movies HTTP/1.1\r\nHost: api\r\nContent-Length: 9000000\r\n\r\n")
        for _ in range(8):
            client.sendall(b" " * 1000)
            time.sleep(0.5)  # this is the slowness: longer than the server waits for the rest
        assert read_response(received)[0] == 413


def test_malformed_bodies_are_faults_of_the_client(gunicorn: Gunicorn) -> None:
    signed = "".join(
        f"{name}: {value}\r\n" for name, value in make_signed(b"{}")["headers"].items()
    )
    chunked = "Transfer-Encoding: chunked\r\n"
    for path, version, headers, status in (
        ("/movies", "1.1", chunked, 411),
        ("/notifications", "1.1", chunked, 401),
        ("/notifications", "1.1", chunked + signed, 411),
        ("/notifications", "1.1", signed, 411),
        ("/notifications", "1.1", signed + "Content-Length: 65537\r\n", 413),
        ("/movies", "1.0", chunked, 400),
        ("/movies", "1.1", "Transfer-Encoding: gzip\r\n", 400),
        ("/movies", "1.1", chunked + "Content-Length: 5\r\n", 400),
        ("/movies", "1.1", "Content-Length: -5\r\n", 400),
    ):
        head = f"POST {path} HTTP/{version}\r\nHost: api\r\n{headers}\r\n".encode()
        for body in (b"zz\r\nnothing\r\n", b"5\r\n{}", b""):
            answer, problem = gunicorn.send(head + body)
            assert answer.startswith(b"HTTP/1.1 %d " % status), (head, answer)
            assert problem["status"] == status


def test_a_rejected_request_for_a_head_gets_a_head_alone(gunicorn: Gunicorn) -> None:
    with connected(gunicorn) as client, client.makefile("rb") as received:
        client.sendall(b"HEAD /movies HTTP/1.1\r\nHost: api\r\nContent-Length: 9000000\r\n\r\n")
        status, headers, _ = read_response(received, body=False)
        assert (status, headers["content-type"]) == (413, "application/problem+json")
        assert received.read() == b""


def test_rejected_requests_are_in_the_log(gunicorn: Gunicorn) -> None:
    gunicorn.send(b"POST /%6eotifications?x HTTP/1.1\r\nHost: api\r\nContent-Length: 3\r\n\r\n")
    line = gunicorn.wait_for('"rejected": ?"unread".*/%6eotifications|/%6eotifications.*"unread"')
    fields = json.loads(line.string)
    assert (fields["event"], fields["method"], fields["status"]) == ("request served", "POST", 401)


def test_a_client_that_waits_to_be_asked_for_its_body_can_post_movies(
    database: Dsns, aws: str, bucket: str
) -> None:
    make_movie(database.admin)
    region = {"endpoint_url": aws, "region_name": "eu-west-1"}
    queue: Any = boto3.client("sqs", **region).create_queue(QueueName="imports")
    body = json.dumps([{"title": "Heat", "year": 1995, "cast": [], "genres": []}]).encode()
    environment = {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "MRU_QUEUE_URL": queue["QueueUrl"],
        "MRU_BUCKETS": bucket,
        "MRU_ALLOW_POST_MOVIES": "true",
    }
    head = (
        f"POST /movies HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    ).encode()
    with (
        serving(database, **environment) as gunicorn,
        connected(gunicorn) as client,
        client.makefile("rb") as received,
    ):
        client.sendall(head)
        assert received.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert received.readline() == b"\r\n"
        client.sendall(body[:10])
        client.sendall(body[10:])
        assert read_response(received)[0] == 202  # and not 100 once more
    s3: Any = boto3.client("s3", **region)
    (stored,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read() == body


# The end.


@contextlib.contextmanager
def locked_movies(database: Dsns) -> Iterator[Any]:
    """Locks the movies until its block ends, and yields a cursor of the connection that does."""
    admin = psycopg2.connect(database.admin)
    with contextlib.closing(admin), admin.cursor() as cursor:
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        yield cursor


def wait_for_a_blocked_query(cursor: Any) -> None:
    def is_there() -> bool:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])

    wait_until("a query waits for the lock", is_there)


def test_slow_clients_do_not_hold_up_the_end_and_a_request_in_flight_is_answered(
    stopping: Gunicorn, database: Dsns
) -> None:
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(stopping.ask("GET", "/movies")[0]))
    with contextlib.ExitStack() as stack:
        for sent in (b"", GET[:30]) * 25:
            stack.enter_context(connected(stopping)).sendall(sent)
        with locked_movies(database) as cursor:
            thread.start()
            wait_for_a_blocked_query(cursor)
            stopping.process.send_signal(signal.SIGTERM)
        thread.join(DEADLINE_SECONDS)
        assert answers == [200]
        assert stopping.process.wait(graceful_timeout) == 0
    assert not [line for line in stopping.lines if "Traceback" in line]


def test_idle_connections_do_not_hold_up_the_end(stopping: Gunicorn) -> None:
    with connected(stopping) as client, client.makefile("rb") as received:
        client.sendall(GET)
        assert read_response(received)[0] == 200
        began = time.monotonic()
        stopping.process.send_signal(signal.SIGTERM)
        assert received.read() == b""
        assert time.monotonic() - began < 5  # of the 65 that it would be kept for
        assert stopping.process.wait(DEADLINE_SECONDS) == 0


def test_a_connection_that_was_being_served_does_not_hold_up_the_end(
    stopping: Gunicorn, database: Dsns
) -> None:
    with connected(stopping) as client, client.makefile("rb") as received:
        with locked_movies(database) as cursor:
            client.sendall(GET)
            wait_for_a_blocked_query(cursor)
            stopping.process.send_signal(signal.SIGTERM)
            stopping.wait_for("Handling signal: term")
        assert read_response(received)[0] == 200
        began = time.monotonic()
        assert received.read() == b""
        assert time.monotonic() - began < 5
