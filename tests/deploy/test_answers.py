"""What `helm test` runs, against a real API: it passes with its database, and fails without."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from local.database import Dsns
from tests.calling import api_environment
from tests.deploy.charts import render
from tests.gunicorn import Gunicorn
from tests.proxies import TcpProxy
from tests.rig import wait_until


@pytest.fixture
def proxy(database: Dsns) -> Iterator[TcpProxy]:
    port = sa.make_url(database.api).port
    assert port
    with TcpProxy(port) as running:
        yield running


def run_test_of_the_chart(api: Gunicorn) -> "subprocess.CompletedProcess[str]":
    (container,) = render().one("Pod", "-answers")["spec"]["containers"]
    python, flag, program, _ = container["command"]
    assert (python, flag) == ("python", "-c")
    command = [sys.executable, flag, program, f"http://127.0.0.1:{api.port}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_release_passes_with_its_database_and_fails_without(
    database: Dsns, proxy: TcpProxy
) -> None:
    through = sa.make_url(database.api).set(port=proxy.port).render_as_string(hide_password=False)
    environment = api_environment(through, WEB_CONCURRENCY="1")
    proxy.refusing = True
    with Gunicorn(environment) as api:
        assert "HTTP Error 503" in run_test_of_the_chart(api).stderr
        proxy.refusing = False
        wait_until("it is ready", lambda: api.ask("GET", "/health/ready")[0] == 200)
        ran = run_test_of_the_chart(api)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == "/health/ready 200\n/movies?limit=1 200\n/movies/facets 200\n"
        proxy.refusing = True
        proxy.cut()
        wait_until("it is away", lambda: without_database(api))
        ran = run_test_of_the_chart(api)
        assert (ran.returncode, ran.stderr) == (1, "The database is unavailable.\n")


def without_database(api: Gunicorn) -> bool:
    return bool(api.ask("GET", "/health/ready")[2]["database"] == "unavailable")
