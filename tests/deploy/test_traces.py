"""Traces of a release: told to the rooms in their own words, and let out to the collector."""

import pytest
from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.trace import sampling

from schemas.settings import Environment
from schemas.traces import traces_wanted
from tests.deploy.charts import Document, Rendered, refusal, render

ENDPOINT = "traces.endpoint=https://collector.tracing:4318"
TRACED = ("--set", f"{ENDPOINT},traces.percent=10,traces.namespace=tracing")
ROOMS = pytest.mark.parametrize("room", ["-api", "-worker", "-operator"])


def _plain(release: Rendered, room: str) -> dict[str, str]:
    """What a room is told, but for what comes from the pod or a Secret."""
    return {k: v for k, v in release.environment(room).items() if isinstance(v, str)}


def _ways_out(release: Rendered, room: str) -> list[Document]:
    egress: list[Document] = release.one("NetworkPolicy", room)["spec"]["egress"]
    return [rule for rule in egress if "tracing" in str(rule)]


@ROOMS
def test_there_are_none_unless_they_are_wanted(room: str) -> None:
    release = render()
    assert not traces_wanted(Environment(_plain(release, room)))
    assert _ways_out(release, room) == []


@ROOMS
def test_a_room_sends_them_where_it_is_let_out_to(room: str) -> None:
    release = render(*TRACED)
    told = _plain(release, room)
    assert traces_wanted(Environment(told))
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector.tracing:4318"
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "tracing"}}
    assert _ways_out(release, room) == [
        {"to": [{"namespaceSelector": namespace}], "ports": [{"port": 4318}]}
    ]


def test_a_collector_outside_the_cluster_needs_no_way_of_its_own() -> None:
    release = render("--set", f"{ENDPOINT},traces.namespace=")
    ports = [rule["ports"] for rule in release.one("NetworkPolicy", "-api")["spec"]["egress"]]
    assert [{"port": 4318}] not in ports


def test_opentelemetry_reads_the_share_and_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    release = render(*TRACED)
    for name, value in _plain(release, "-worker").items():
        # Kubernetes puts the pod's name in.
        monkeypatch.setenv(name, value.replace("$(POD_NAME)", "worker-1"))
    sampler = sampling._get_from_env_or_default()
    assert isinstance(sampler, sampling.ParentBasedTraceIdRatio)
    assert "0.1}" in sampler.get_description()
    pod = OTELResourceDetector().detect().attributes
    assert pod["k8s.pod.name"] == "worker-1"
    assert pod["k8s.namespace.name"] == "movies-r-us"
    assert pod["service.version"]


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "http://collector", "http://collector:4318/v1/traces", "grpc"]
)
def test_an_endpoint_without_a_port_or_with_a_path_is_refused(endpoint: str) -> None:
    assert "/traces/endpoint" in refusal("--set", f"traces.endpoint={endpoint}")
