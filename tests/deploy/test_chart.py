"""The chart: what helm makes of it, and what must hold of that."""

import json
import re
from pathlib import Path

import pytest
import yaml

from api.limiting.settings import Rate
from api.settings import Settings as ApiSettings
from schemas.settings import Environment
from tests.builders import SECRET
from tests.deploy import chart_readme, rules
from tests.deploy.charts import (
    INSTALLATION,
    PRODUCTION,
    VARIANTS,
    Document,
    Rendered,
    refusal,
    render,
    template_of,
)
from tests.deploy.tools import CHART, find, run, run_well
from worker.rules_file import read_rules
from worker.settings import Settings as WorkerSettings

BOTH = pytest.mark.parametrize("deployment", ["-api", "-worker"])
EVERY_VARIANT = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture(scope="module")
def production() -> Rendered:
    return render(*PRODUCTION)


@EVERY_VARIANT
def test_helm_finds_no_fault(variant: str) -> None:
    command: list[str | Path] = [find("helm"), "lint", ".", "--strict", "--kube-version", "1.33.0"]
    # The values for CI are enough by themselves: tools take that file alone.
    installation = () if variant == "ci" else INSTALLATION
    run_well([*command, *installation, *VARIANTS[variant]], cwd=CHART)


@EVERY_VARIANT
def test_no_secret_stands_in_a_manifest(variant: str) -> None:
    assert rules.plain_secrets(render(*VARIANTS[variant])) == []


@pytest.mark.parametrize(
    "typo",
    [
        "api.replica=3",
        "worker.taskSecond=3",
        "databse.host=x",
        "api.resources.limits.memroy=1Gi",
        "database.password=word",
        "logs=yaml",
        "worker.concurrency=0",
        "images.api.digest=sha256:short",
        "images.registry=https://registry.example.com",
        "images.api.repository=movies-r-us-api:0.1.0",
        "images.worker.tag=a b",
        "operator.replicas=1",
        "spread.zones=even",
        "api.costlySearches=0",
        "api.costlySearches=5",
        "api.rateLimit.limit=often",
        "api.rateLimit.limit=0/minute",
        "api.rateLimit.key=cookie",
        "api.rateLimit.trustedProxies=-1",
        "worker.rules[0].prefix=in/",
        "worker.rules[0].action=drop",
        "worker.rules[0].action=ignore,worker.rules[0].sufix=.crc",
        "worker.rules[0].action=ignore,worker.rules[0].on_error=fail",
    ],
)
def test_a_typo_in_the_values_is_refused(typo: str) -> None:
    path, _, _ = typo.replace("[0]", "").partition("=")
    message = refusal("--set", typo)
    assert "values don't meet the specifications of the schema" in message
    assert any(word in message for word in path.split("."))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("worker.terminationGracePeriodSeconds=630", "cut an import off"),
        ("api.terminationGracePeriodSeconds=40", "cut requests off"),
        ("database.sslMode=verify-full", "caBundle"),
        ("region=eu-west-2", "region is eu-west-2, but queue.url is in eu-west-1"),
        ("api.autoscaling.minReplicas=13", "api.autoscaling.minReplicas"),
        ("worker.autoscaling.maxReplicas=2", "worker.autoscaling.minReplicas"),
        ("metrics.apiPort=8080", "metrics.apiPort"),
        ("metrics.podMonitor=true", "metrics.enabled"),
        ("api.rateLimit.key=api-key", "secrets.apiKeys"),
        ("worker.rules[0].action=ignore,worker.rules[0].bucket=x", "rule 1: bucket: x is none of"),
    ],
)
def test_values_that_do_not_go_together_are_refused(values: str, reason: str) -> None:
    assert reason in refusal("--set", values)


def test_what_identifies_an_installation_has_no_default() -> None:
    done = run([find("helm"), "template", "x", ".", "--kube-version", "1.33.0"], cwd=CHART)
    names = "region, images.registry, database.host, queue.url, buckets"
    assert done.returncode != 0
    assert f"no value for {names}" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3


@pytest.mark.parametrize(
    "value", ["region=", "images.registry=", "database.host=", "queue.url=", "buckets=null"]
)
def test_each_value_that_identifies_an_installation_is_required(value: str) -> None:
    path, _, _ = value.partition("=")
    assert f"no value for {path}: " in refusal("--set", value)


def test_an_older_kubernetes_is_refused() -> None:
    command = [find("helm"), "template", "x", ".", "--kube-version", "1.32.9"]
    done = run(command, cwd=CHART)
    assert done.returncode != 0
    assert "1.33" in done.stderr


@BOTH
def test_pods_are_spread_over_zones(production: Rendered, deployment: str) -> None:
    assert rules.spread_faults(production, deployment) == []


@BOTH
@pytest.mark.parametrize(("wanted", "made"), [("hard", "DoNotSchedule"), ("none", None)])
def test_how_pods_are_spread_over_zones_can_be_chosen(
    deployment: str, wanted: str, made: str | None
) -> None:
    release = render("--set", f"spread.zones={wanted}")
    spec = release.one("Deployment", deployment)["spec"]["template"]["spec"]
    zones = [
        one["whenUnsatisfiable"]
        for one in spec["topologySpreadConstraints"]
        if one["topologyKey"] == "topology.kubernetes.io/zone"
    ]
    assert zones == ([made] if made else [])


def test_a_rollout_takes_no_pod_of_the_api_away_before_its_successor_is_found(
    production: Rendered,
) -> None:
    spec = production.one("Deployment", "-api")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": "25%"}
    annotations = production.one("Ingress", "-api")["metadata"]["annotations"]
    prefix = "alb.ingress.kubernetes.io"
    checks = int(annotations[f"{prefix}/healthy-threshold-count"])
    interval = int(annotations[f"{prefix}/healthcheck-interval-seconds"])
    assert spec["minReadySeconds"] >= checks * interval


@pytest.mark.parametrize(("workers", "away"), [(1, 0), (2, 0), (3, 1), (6, 2), (9, 3)])
def test_a_rollout_of_workers_moves_on_where_no_node_has_room_for_one_more(
    production: Rendered, workers: int, away: int
) -> None:
    """From three workers on; one alone is replaced only once its successor is there."""
    rolling = production.one("Deployment", "-worker")["spec"]["strategy"]["rollingUpdate"]
    assert int(rolling["maxUnavailable"].removesuffix("%")) * workers // 100 == away


@BOTH
def test_an_eviction_takes_one_pod_at_a_time(production: Rendered, deployment: str) -> None:
    budget = production.one("PodDisruptionBudget", deployment)["spec"]
    labels = production.one("Deployment", deployment)["spec"]["template"]["metadata"]["labels"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= labels.items()


@BOTH
@EVERY_VARIANT
def test_no_deployment_names_a_number_and_one_autoscaler_owns_it(
    deployment: str, variant: str
) -> None:
    release = render(*VARIANTS[variant])
    assert "replicas" not in release.one("Deployment", deployment)["spec"]
    name = release.one("Deployment", deployment)["metadata"]["name"]
    owners = [
        one
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for one in release.of_kind(kind)
        if one["spec"]["scaleTargetRef"]["name"] == name
    ]
    assert len(owners) == 1


@pytest.mark.parametrize("component", ["api", "worker"])
def test_a_fixed_number_is_an_autoscaler_with_equal_bounds(component: str) -> None:
    off = f"{component}.autoscaling.enabled=false,{component}.replicas=5"
    autoscaler = render("--set", off).one("HorizontalPodAutoscaler", f"-{component}")
    bounds = autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]
    assert bounds == (5, 5)


def test_keda_takes_the_worker_although_its_autoscaler_is_still_there() -> None:
    """Helm makes the ScaledObject first, and deletes then; KEDA's webhook lets only this pass."""
    autoscaler = render().one("HorizontalPodAutoscaler", "-worker")
    annotations = autoscaler["metadata"]["annotations"]
    assert annotations["validations.keda.sh/hpa-ownership"] == "false"


def test_an_operators_pod_is_made_by_hand_alone_and_does_not_linger(production: Rendered) -> None:
    job = production.one("CronJob", "-operator")["spec"]
    assert job["suspend"] is True
    assert job["concurrencyPolicy"] == "Allow"
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] <= 86400
    assert job["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] <= 3600


def test_the_worker_scales_by_its_queue_slowly_down(production: Rendered) -> None:
    scaled = production.one("ScaledObject", "-worker")["spec"]
    assert scaled["minReplicaCount"] >= 3
    assert scaled["triggers"][0]["metadata"]["scaleOnInFlight"] == "true"
    down = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 600
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 120}]


@EVERY_VARIANT
def test_a_command_of_the_charts_own_has_a_first_process_that_heeds_signals(variant: str) -> None:
    release = render(*VARIANTS[variant])
    for name, spec in release.pods():
        if not name.startswith("Pod/"):  # helm's test ends by itself
            for container in spec["containers"]:
                # Without a command of its own it is the image's, which is tested there.
                assert container.get("command", ["tini"])[0] == "tini", name


@EVERY_VARIANT
def test_no_pod_is_root_or_could_become_it(variant: str) -> None:
    for name, spec in render(*VARIANTS[variant]).pods():
        assert spec["automountServiceAccountToken"] is False, name
        whole = spec["securityContext"]
        assert whole["runAsNonRoot"], name
        assert min(whole["runAsUser"], whole["runAsGroup"]) > 10_000, name
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], name
            assert not context["allowPrivilegeEscalation"], name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), name
            assert "memory" in resources["limits"], name
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], name


RULES = (
    ("--set", "worker.rules[0].suffix=.crc,worker.rules[0].action=ignore"),
    ("--set", 'worker.rules[1].prefix=a <b> "é"/,worker.rules[1].action=import'),
    ("--set", "worker.rules[1].on_error=continue"),
)


def _with_rules(*more: str) -> Rendered:
    return render(*(word for option in RULES for word in option), *more)


def test_rules_are_a_file_that_the_worker_and_its_operators_read(tmp_path: Path) -> None:
    release = _with_rules()
    config_map = release.one("ConfigMap", "-worker-rules")
    (name, content), *others = config_map["data"].items()
    assert not others
    (tmp_path / name).write_text(content)
    rules = read_rules(Environment({"MRU_RULES": str(tmp_path / name)})).listed
    assert [(rule.prefix, rule.suffix, rule.action, rule.on_error) for rule in rules] == [
        ("", ".crc", "ignore", None),
        ('a <b> "é"/', "", "import", "continue"),
    ]
    specs = dict(release.pods())
    for component in ("Deployment/movies-r-us-worker", "CronJob/movies-r-us-operator"):
        (container,) = specs[component]["containers"]
        mount = {"name": "rules", "mountPath": "/etc/movies-r-us", "readOnly": True}
        assert mount in container["volumeMounts"]
        volume = {"name": "rules", "configMap": {"name": config_map["metadata"]["name"]}}
        assert volume in specs[component]["volumes"]
        variables = {each["name"]: each.get("value") for each in container["env"]}
        assert variables["MRU_RULES"] == f"/etc/movies-r-us/{name}"


def test_only_pods_that_read_rules_have_them_and_none_without_any() -> None:
    having = {name for name, spec in _with_rules().pods() if "rules" in _volumes(spec)}
    assert having == {"Deployment/movies-r-us-worker", "CronJob/movies-r-us-operator"}
    without = render()
    assert not any("rules" in _volumes(spec) for _, spec in without.pods())
    assert "MRU_RULES" not in without.environment("-worker")
    assert not [
        one for one in without.of_kind("ConfigMap") if one["metadata"]["name"].endswith("-rules")
    ]


def test_other_rules_are_another_rollout_of_the_worker_alone() -> None:
    before = _with_rules("--set", "podAnnotations.team=movies")
    after = _with_rules("--set", "podAnnotations.team=movies,worker.rules[0].suffix=.tmp")
    for component, changed in (("-worker", True), ("-api", False)):
        old, new = (one.one("Deployment", component)["spec"]["template"] for one in (before, after))
        assert (old != new) is changed
        assert new["metadata"]["annotations"]["team"] == "movies"


def _volumes(spec: Document) -> set[str]:
    return {volume["name"] for volume in spec.get("volumes", [])}


def test_images_are_named_by_their_digest_where_there_is_one(production: Rendered) -> None:
    images = {name: spec["containers"][0]["image"] for name, spec in production.pods()}
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images.values()), images


def test_liveness_never_asks_the_database(production: Rendered) -> None:
    api = production.one("Deployment", "-api")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe"):
        assert api[probe]["httpGet"]["path"] == "/health/live"
    assert api["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    worker = production.one("Deployment", "-worker")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert worker[probe]["exec"]["command"] == ["python", "-m", "worker.alive"]


@pytest.mark.parametrize(("metrics", "port"), [("true", "metrics"), ("false", "http")])
def test_liveness_is_probed_beside_the_metrics_where_there_are_any(metrics: str, port: str) -> None:
    api = render("--set", f"metrics.enabled={metrics}").one("Deployment", "-api")
    (container,) = api["spec"]["template"]["spec"]["containers"]
    assert container["startupProbe"]["httpGet"]["port"] == port
    assert container["livenessProbe"]["httpGet"]["port"] == port
    assert container["readinessProbe"]["httpGet"]["port"] == "http"
    assert port in {one["name"] for one in container["ports"]}


def test_each_kind_of_pod_has_an_identity_of_its_own(production: Rendered) -> None:
    accounts = {
        name: spec.get("serviceAccountName")
        for name, spec in production.pods()
        if not name.startswith("Pod/")
    }
    assert len(set(accounts.values())) == len(accounts) == 4
    made = {one["metadata"]["name"] for one in production.of_kind("ServiceAccount")}
    assert set(accounts.values()) == made


def test_everything_is_forbidden_but_what_is_needed(production: Rendered) -> None:
    nothing = production.one("NetworkPolicy", "-nothing")["spec"]
    assert nothing["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in nothing
    assert "egress" not in nothing
    for name, spec in production.pods():
        template_labels = _labels_of(production, name)
        allowed = [
            one["metadata"]["name"]
            for one in production.of_kind("NetworkPolicy")
            if one["spec"]["podSelector"]["matchLabels"].items() <= template_labels.items()
            and "component" in str(one["spec"]["podSelector"])
        ]
        assert len(allowed) == 1, (name, spec.get("serviceAccountName"))


def test_a_pod_reaches_the_identity_agent_and_not_the_nodes_credentials(
    production: Rendered,
) -> None:
    for component in ("-api", "-worker", "-operator"):
        blocks = [
            peer["ipBlock"]
            for rule in production.one("NetworkPolicy", component)["spec"]["egress"]
            for peer in rule["to"]
            if "ipBlock" in peer
        ]
        assert {"cidr": "169.254.170.23/32"} in blocks
        everywhere = [block for block in blocks if block["cidr"] == "0.0.0.0/0"]
        assert all(block["except"] == ["169.254.0.0/16"] for block in everywhere)


def test_what_the_migration_needs_is_there_before_it_runs(production: Rendered) -> None:
    def weight(document: dict[str, object]) -> int:
        metadata = document["metadata"]
        assert isinstance(metadata, dict)
        annotations = metadata["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        return int(annotations["helm.sh/hook-weight"])

    job = production.one("Job", "-migration")
    needs = [
        production.one(kind, "-migration")
        for kind in ("ServiceAccount", "NetworkPolicy", "ExternalSecret")
    ]
    needs.append(production.one("ConfigMap", "-migration-database-ca"))
    assert all(weight(need) < weight(job) for need in needs)
    volumes = job["spec"]["template"]["spec"]["volumes"]
    configured = [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]
    assert configured == ["movies-r-us-migration-database-ca"]


def test_every_secret_that_a_pod_reads_is_made(production: Rendered) -> None:
    wanted = set()
    for _, spec in production.pods():
        for variable in spec["containers"][0].get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                wanted.add((reference["name"], reference["key"]))
    made = {
        (external["spec"]["target"]["name"], data["secretKey"])
        for external in production.of_kind("ExternalSecret")
        for data in external["spec"]["data"]
    }
    assert wanted == made


@EVERY_VARIANT
def test_the_rooms_know_every_variable_that_they_are_told(variant: str) -> None:
    page = (CHART.parents[1] / "docs" / "configuration.md").read_text("utf-8")
    for name, spec in render(*VARIANTS[variant]).pods():
        told = {each["name"] for each in spec["containers"][0].get("env", [])}
        ours = {one for one in told if one.startswith(("MRU_", "WEB_"))}
        assert {one for one in ours if f"`{one}`" not in page} == set(), name


def test_what_a_room_requires_it_is_told(production: Rendered) -> None:
    def told(deployment: str) -> Environment:
        variables = production.environment(deployment)
        variables.pop("MRU_METRICS_BIND", None)  # nobody scrapes an operator
        # What is a reference comes from a Secret.
        return Environment({k: v if isinstance(v, str) else SECRET for k, v in variables.items()})

    api = ApiSettings.read(told("-api"))
    assert not api.allow_post_movies
    assert api.rate_limit.rate == Rate(600, 60)
    assert api.costly_searches == 1
    worker = WorkerSettings.read(told("-worker"))
    assert worker.heartbeat_file == "/tmp/heartbeat"
    assert WorkerSettings.read(told("-operator")) == worker


def test_the_api_is_told_how_many_costly_searches_may_run() -> None:
    told = render("--set", "api.costlySearches=2").environment("-api")
    assert told["MRU_COSTLY_SEARCHES"] == "2"


def test_the_api_limits_requests_only_where_it_is_told_to() -> None:
    told = render().environment("-api")
    assert not told.keys() & {"MRU_RATE_LIMIT", "MRU_RATE_LIMIT_KEY", "MRU_TRUSTED_PROXIES"}


@pytest.mark.parametrize(
    ("behind", "more", "trusted"), [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)]
)
def test_the_load_balancer_is_a_trusted_proxy_where_there_is_one(
    behind: int, more: int, trusted: int
) -> None:
    values = f"api.rateLimit.limit=5/second,api.rateLimit.trustedProxies={more}"
    told = render("--set", f"{values},ingress.enabled={'true' if behind else 'false'}")
    assert told.environment("-api")["MRU_TRUSTED_PROXIES"] == str(trusted)


def test_api_keys_come_from_a_secret() -> None:
    values = "api.rateLimit.limit=5/second,api.rateLimit.key=api-key,secrets.apiKeys=partners"
    told = render("--set", values).environment("-api")
    assert told["MRU_RATE_LIMIT_KEY"] == "api-key"
    assert told["MRU_API_KEYS"] == {"secretKeyRef": {"name": "partners", "key": "keys"}}


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json"])
def test_alerts_and_dashboard_are_those_of_the_documentation(name: str) -> None:
    documented = CHART.parents[1] / "docs" / "observability" / name
    assert (CHART / "files" / name).read_text("utf-8") == documented.read_text("utf-8")


def test_grafana_finds_the_dashboard_where_it_is_wanted() -> None:
    def found(*options: str) -> list[Document]:
        chart = render(*options).of_kind("ConfigMap")
        return [one for one in chart if "grafana_dashboard" in one["metadata"]["labels"]]

    assert found() == []
    (given,) = found("--set", "metrics.dashboard=true")
    (text,) = given["data"].values()
    documented = CHART.parents[1] / "docs" / "observability" / "dashboard.json"
    assert json.loads(text) == json.loads(documented.read_text("utf-8"))


def test_the_readme_lists_every_value() -> None:
    assert (CHART / "README.md").read_text("utf-8") == chart_readme.make(CHART)


def test_the_schema_has_every_value_and_no_other() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    def compare(given: object, described: dict[str, object], path: str) -> None:
        if isinstance(given, dict) and "properties" in described:
            properties = described["properties"]
            assert isinstance(properties, dict)
            assert described["additionalProperties"] is False, path
            optional = {"global"} if not path else {"ephemeral-storage", "cpu"}
            assert set(given) - set(properties) == set(), path
            assert set(properties) - set(given) <= optional, path
            for name, value in given.items():
                compare(value, properties[name], f"{path}.{name}")

    compare(values, schema, "")


def _labels_of(release: Rendered, name: str) -> dict[str, str]:
    kind, _, found = name.partition("/")
    document = next(one for one in release.of_kind(kind) if one["metadata"]["name"] == found)
    labels = document["metadata"] if kind == "Pod" else template_of(document)["metadata"]
    made: dict[str, str] = labels["labels"]
    return made
