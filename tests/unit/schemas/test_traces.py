"""Traces are wanted or not by OpenTelemetry's own variables; unwanted, none of it is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from schemas.settings import Environment, SettingError
from schemas.traces import Traces, traces_wanted
from tests.builders import SECRET

ROOT: Final = Path(__file__).parents[3]
ENDPOINT: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
# Both rooms as their entry points make them, in one process.
PROGRAM: Final = """
import json, sys
import api.wsgi, worker.app
api.wsgi.create()
worker.app.app.conf["broker_url"]  # which is when the settings are read
print(json.dumps([name for name in sys.modules if name.startswith("opentelemetry")]))
"""
SETTINGS: Final = {
    "MRU_DB_HOST": "127.0.0.1",
    "MRU_DB_USER": "nobody",
    "MRU_DB_NAME": "none",
    "AWS_REGION": "eu-west-1",
    "MRU_QUEUE_URL": "http://127.0.0.1:1/queue",
    "MRU_BUCKETS": "movies-r-us",
    "MRU_NOTIFICATION_SECRET": SECRET,
}


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SERVICE_NAME": "movies"}, False),
    ],
)
def test_there_are_traces_where_there_is_a_place_for_them(
    variables: dict[str, str], *, wanted: bool
) -> None:
    assert traces_wanted(Environment(variables)) is wanted


def test_a_protocol_that_the_extra_has_not_is_refused_by_the_name_of_its_variable() -> None:
    environment = Environment(ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    with pytest.raises(SettingError, match="OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"):
        traces_wanted(environment)


def test_where_the_extra_is_missing_the_start_ends_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "schemas.otlp", raising=False)
    with pytest.raises(SettingError, match="opentelemetry is not installed: install the extra"):
        Traces.load(Environment(ENDPOINT), "api", ("celery",))


def test_without_the_variables_nothing_of_opentelemetry_is_imported() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **SETTINGS},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == []
