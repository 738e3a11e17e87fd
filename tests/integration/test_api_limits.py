"""The rate limit as it runs: under gunicorn, over a database, with responses from the cache."""

from collections.abc import Iterator

import pytest

from local.database import Dsns
from tests.calling import api_environment, make_signed
from tests.gunicorn import Gunicorn
from tests.rows import make_movie
from tests.scraping import Scrape, shown_port

LIMIT = 5
POLICY = f'"default";q={LIMIT};w=3600'


def environment(database: Dsns, **changes: str) -> dict[str, str]:
    make_movie(database.admin)
    limit = {"MRU_RATE_LIMIT": f"{LIMIT}/hour", "MRU_METRICS_BIND": "127.0.0.1:0"}
    return api_environment(database.api, **limit, **changes)


@pytest.fixture
def gunicorn(database: Dsns) -> Iterator[Gunicorn]:
    with Gunicorn(environment(database, WEB_CONCURRENCY="1", MRU_TRUSTED_PROXIES="1")) as running:
        yield running


def ask(gunicorn: Gunicorn, client: str, path: str = "/movies?title=treasure"):
    return gunicorn.ask("GET", path, headers={"X-Forwarded-For": f"203.0.113.7, {client}"})


def notify(gunicorn: Gunicorn) -> int:
    signed = make_signed({"bucket": "somebody-elses", "key": "a"})
    head = signed["headers"] | {"Content-Type": signed["content_type"]}
    return gunicorn.ask("POST", "/notifications", body=signed["data"], headers=head)[0]


def test_a_client_beyond_its_limit_is_rejected_and_nobody_else(gunicorn: Gunicorn) -> None:
    for remaining in reversed(range(LIMIT)):  # the first of them from the database
        status, headers, movies = ask(gunicorn, "192.0.2.1")
        assert (status, len(movies)) == (200, 1)
        assert headers.get_all("RateLimit-Policy") == [POLICY]
        (quota,) = headers.get_all("RateLimit")
        assert quota.startswith(f'"default";r={remaining};t=')
        assert headers["Retry-After"] is None
    for path in ("/movies?title=treasure", "/movies?title=other", "/suggest?term=tre"):
        status, headers, problem = ask(gunicorn, "192.0.2.1", path)
        assert (status, problem["status"]) == (429, 429)
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["RateLimit-Policy"] == POLICY
        assert 3500 < int(headers["Retry-After"]) <= 3600
        assert headers["RateLimit"] == f'"default";r=0;t={headers["Retry-After"]}'
        assert problem["instance"] == headers["X-Request-ID"]
    status, headers, _ = ask(gunicorn, "192.0.2.2")
    assert (status, headers["RateLimit"].partition(";t=")[0]) == (200, f'"default";r={LIMIT - 1}')
    shown = Scrape.at(shown_port(gunicorn.lines))
    assert shown.sum("mru_api_requests_total", status=429) == 3


def test_no_spelling_of_the_header_makes_another_client(gunicorn: Gunicorn) -> None:
    forged = [
        b"X-Forwarded-For: 198.51.100.%d\r\nX-Forwarded-For: 192.0.2.1\r\n",
        b"x-forwarded-for: 198.51.100.%d, 192.0.2.1\r\n",
        b"X-Forwarded-For: 192.0.2.1\r\nX_Forwarded_For: 198.51.100.%d\r\n",
        b"X_Forwarded_For: 198.51.100.%d\r\nX-Forwarded-For: 192.0.2.1\r\n",
    ]
    for number in range(2 * LIMIT):
        lines = forged[number % len(forged)] % number
        request = b"GET /openapi.json HTTP/1.1\r\nHost: api\r\nConnection: close\r\n%s\r\n" % lines
        head, _ = gunicorn.send(request)
        status = b"200" if number < LIMIT else b"429"
        assert head.startswith(b"HTTP/1.1 %s " % status), (number, lines)


def test_probes_and_notifications_go_on(gunicorn: Gunicorn) -> None:
    for _ in range(2 * LIMIT):
        assert gunicorn.ask("GET", "/openapi.json")[0] in {200, 429}
    assert gunicorn.ask("GET", "/openapi.json")[0] == 429
    for _ in range(2 * LIMIT):
        assert gunicorn.ask("GET", "/health/live")[0] == 200
        assert gunicorn.ask("GET", "/health/ready")[0] == 200
        assert notify(gunicorn) == 403  # signed; the bucket is not ours


def test_each_process_counts_by_itself(database: Dsns) -> None:
    processes = 2
    with Gunicorn(environment(database, WEB_CONCURRENCY=str(processes))) as gunicorn:
        statuses = [gunicorn.ask("GET", "/openapi.json")[0] for _ in range(10 * LIMIT)]
    assert LIMIT <= statuses.count(200) <= processes * LIMIT
    assert statuses.count(429) == len(statuses) - statuses.count(200)
