"""How components start with a wrong setting or without a database: real processes, one line each,
and never a password.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.database import Dsns, environment_of
from local.postgres import Address, Postgres
from schemas.settings import DatabaseSettings
from tests.builders import SECRET, as_file, make_records
from tests.calling import api_environment
from tests.databases import FAST
from tests.gunicorn import Gunicorn
from tests.rig import DEADLINE_SECONDS, ROOT, wait_until
from tests.road import make_road
from worker.connecting import connect
from worker.errors import NoConnectionError

GUNICORN = ["api"]
WORKER = ["celery", "-A", "worker.app", "--quiet", "worker"]
EMULATOR = ["local.aws", "--prepare"]
OPERATOR = ["celery", "-A", "worker.app", "imports", "list"]
PASSWORD = "a-wrong-password-of-the-tests-0123456789"
DATABASE = {"MRU_DB_HOST": "127.0.0.1", "MRU_DB_USER": "nobody", "MRU_DB_NAME": "none"}
ROLES = {"MRU_MIGRATOR_PASS": "m", "MRU_WORKER_PASS": "w", "MRU_API_PASS": "a"}
API = api_environment("postgresql://nobody@127.0.0.1:1/none", MRU_API_BIND="127.0.0.1:0")
CLOUD = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "eu-west-1", "MRU_BUCKETS": "b"}


def run(module: list[str], variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m …` as a process that is told nothing but some variables."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )


@pytest.mark.parametrize(
    ("module", "variables", "line"),
    [
        (["worker.prepare"], {}, "MRU_DB_HOST is not set."),
        (["worker.prepare"], DATABASE, "MRU_MIGRATOR_PASS is not set."),
        (
            ["worker.prepare"],
            DATABASE | ROLES | {"MRU_DB_PORT": "x"},
            "MRU_DB_PORT must be a whole number, not 'x'.",
        ),
        (
            ["worker.prepare"],
            DATABASE | ROLES | {"MRU_API_PASS_FILE": "/nowhere"},
            "MRU_API_PASS and MRU_API_PASS_FILE are set: set one of them.",
        ),
        (["worker.migrate"], {}, "MRU_DB_HOST is not set."),
        (
            ["worker.migrate"],
            DATABASE | {"MRU_DB_PASS_FILE": "/nowhere"},
            "MRU_DB_PASS_FILE names /nowhere, which cannot be read: No such file or directory.",
        ),
        (["worker.alive"], {}, "MRU_HEARTBEAT_FILE is not set."),
        (WORKER, {}, "Error: MRU_DB_HOST is not set."),
        (
            WORKER,
            DATABASE | {"MRU_DB_PASS": PASSWORD, "MRU_DB_PASS_FILE": "/nowhere"},
            "Error: MRU_DB_PASS and MRU_DB_PASS_FILE are set: set one of them.",
        ),
        (GUNICORN, {}, "MRU_DB_HOST is not set."),
        (
            GUNICORN,
            API | {"WEB_CONCURRENCY": "0"},
            "WEB_CONCURRENCY must be between 1 and 64, not 0.",
        ),
        (
            GUNICORN,
            API | {"WEB_CONCURRENCY": "many"},
            "WEB_CONCURRENCY must be a whole number, not 'many'.",
        ),
        (
            GUNICORN,
            API | {"MRU_QUEUE_URL": "imports"},
            "MRU_QUEUE_URL must be an http or https URL, not 'imports'.",
        ),
        (GUNICORN, API | {"MRU_LOGS": "xml"}, "MRU_LOGS must be one of json, text, not 'xml'."),
        (
            GUNICORN,
            API | {"MRU_NOTIFICATION_SECRET": f"{SECRET} short"},
            "MRU_NOTIFICATION_SECRET must hold secrets of at least 32 characters each.",
        ),
        (
            GUNICORN,
            API | {"MRU_RATE_LIMIT": "often"},
            "MRU_RATE_LIMIT must be requests in a time, such as 600/minute, not 'often'.",
        ),
        (EMULATOR, {}, "AWS_ENDPOINT_URL is not set."),
        (
            EMULATOR,
            CLOUD | {"MRU_API_URL": "http://api", "MRU_NOTIFICATION_SECRET": "local"},
            "MRU_NOTIFICATION_SECRET must hold secrets of at least 32 characters each.",
        ),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_line_that_names_it(
    module: list[str], variables: dict[str, str], line: str
) -> None:
    ran = run(module, variables)
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"{line}\n")


def test_an_emulator_that_is_away_is_one_line() -> None:
    ran = run(EMULATOR, CLOUD | {"MRU_API_URL": "http://api", "MRU_NOTIFICATION_SECRET": SECRET})
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert ran.stderr.startswith("The emulator (AWS_ENDPOINT_URL) failed: ")


def test_a_port_that_is_taken_ends_the_emulator_without_a_traceback(postgres: Address) -> None:
    ran = run(["local.aws", "--port", str(postgres.port)], {})
    assert ran.returncode == 1
    assert str(postgres.port) in ran.stderr
    assert "Traceback" not in ran.stderr


def at(postgres: Address, **changes: str) -> dict[str, str]:
    return environment_of(postgres.dsn()) | ROLES | {"MRU_DB_NAME": "never_made"} | changes


@pytest.mark.parametrize(
    ("module", "changes", "named"),
    [
        (["worker.prepare"], {"MRU_DB_PASS": PASSWORD}, "MRU_DB_PASS"),
        (["worker.prepare"], {"MRU_DB_USER": "nobody_at_all"}, "MRU_DB_USER"),
        (["worker.migrate"], {"MRU_DB_PASS": PASSWORD}, "MRU_DB_PASS"),
        (["worker.migrate"], {}, "MRU_DB_NAME"),
        (OPERATOR, {"MRU_DB_PASS": PASSWORD}, "password authentication failed"),
        (OPERATOR, {}, 'database "never_made" does not exist'),
    ],
)
def test_a_database_that_lets_nobody_in_is_one_line_without_the_password(
    postgres: Address, module: list[str], changes: dict[str, str], named: str
) -> None:
    ran = run(module, at(postgres, **changes))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert named in ran.stderr
    assert PASSWORD not in ran.stderr
    assert postgres.password not in ran.stderr


def test_a_role_that_may_not_migrate_is_one_line(database: Dsns) -> None:
    ran = run(["worker.migrate"], environment_of(database.api))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert ran.stderr.startswith("permission denied for ")


def test_a_server_that_never_comes_is_named_with_host_and_port() -> None:
    nowhere = DatabaseSettings(host="127.0.0.1", port=1, user="u", password=PASSWORD, name="n")
    with pytest.raises(NoConnectionError, match=r"127.0.0.1:1 \(MRU_DB_HOST, MRU_DB_PORT\)") as at:
        connect(nowhere, patience_seconds=0.2)
    assert PASSWORD not in str(at.value)
    program = (
        "from worker import entry; from worker.connecting import connect;"
        "from schemas.settings import DatabaseSettings;"
        "entry.run(lambda e: connect(DatabaseSettings.read(e), patience_seconds=0.2))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**DATABASE, "MRU_DB_PORT": "1", "MRU_DB_PASS": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert ran.stderr.startswith("Postgres does not answer at 127.0.0.1:1 (MRU_DB_HOST")
    assert PASSWORD not in ran.stderr


def test_a_server_that_comes_later_is_waited_for() -> None:
    with TemporaryDirectory(prefix="mru-tests-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres", options=FAST)
        server.prepare()
        door = socket.create_server(("127.0.0.1", server.port))
        door.settimeout(DEADLINE_SECONDS)
        preparing = subprocess.Popen(
            [sys.executable, "-m", "worker.prepare"],
            cwd=ROOT,
            env=at(server.address, MRU_DB_NAME="movies"),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            attempt, _ = door.accept()  # the first, which is cut off as by a server that stops
            attempt.close()
            door.close()
            server.start()
            _, errors = preparing.communicate(timeout=DEADLINE_SECONDS)
        finally:
            preparing.kill()
            server.stop()
            door.close()
    assert (preparing.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    "changes",
    [{"MRU_DB_PASS": PASSWORD}, {"MRU_DB_NAME": "never_made"}, {"MRU_DB_PORT": "1"}],
    ids=["password", "name", "port"],
)
def test_an_api_that_cannot_reach_its_database_starts_and_logs_no_password(
    database: Dsns, changes: dict[str, str]
) -> None:
    with Gunicorn(api_environment(database.api, WEB_CONCURRENCY="1", **changes)) as running:
        assert running.ask("GET", "/movies")[0] == 503
        running.wait_for('"request served"')
    check(running.lines, api_environment(database.api, **changes))


@pytest.mark.parametrize(
    "changes",
    [{"MRU_DB_PASS": PASSWORD}, {"MRU_DB_NAME": "never_made"}, {"MRU_DB_PORT": "1"}],
    ids=["password", "name", "port"],
)
def test_a_worker_that_cannot_reach_its_database_receives_nothing_and_logs_no_password(
    aws: str, database: Dsns, tmp_path: Path, changes: dict[str, str]
) -> None:
    with make_road(aws, database, tmp_path) as road:
        road.announce(road.upload(as_file(make_records(1))))
        # `w`, the true one, would be found in every word.
        with road.running_worker(**{"MRU_DB_PASS": PASSWORD, **changes}):
            wait_until("it stops", lambda: road.logged("receiving is paused"))
            assert road.rig.proxy.count("ReceiveMessage") == 0
        check(road.rig.traces("worker.log"), {"MRU_DB_PASS": PASSWORD})


def check(lines: list[str], told: dict[str, str]) -> None:
    """Fails where a password or a secret stands in what a process wrote."""
    secrets = [told[name] for name in ("MRU_DB_PASS", "MRU_NOTIFICATION_SECRET") if name in told]
    long = [secret for secret in secrets if len(secret) > 8]
    assert long
    assert [line for line in lines if any(secret in line for secret in long)] == []


def test_a_notifier_with_a_wrong_setting_logs_one_line_that_names_it() -> None:
    program = "from notifier.handler import handle; handle({'Records': []}, None)"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"MRU_API_URL": "http://api", "MRU_NOTIFICATION_SECRET": "too-short-a-secret"},
        capture_output=True,
        text=True,
        check=False,
    )
    rule = "MRU_NOTIFICATION_SECRET must hold secrets of at least 32 characters each."
    assert ran.returncode == 1
    (line,) = ran.stdout.splitlines()
    assert rule in line
    assert ran.stderr.splitlines()[-1].endswith(rule)  # which Lambda hands on as errorMessage
    assert "too-short-a-secret" not in ran.stdout + ran.stderr
