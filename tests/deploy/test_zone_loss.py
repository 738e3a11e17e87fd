"""A zone is lost: the chart's own pods, placed by their own rules, on the nodes of infra/1-eks.

By a simulated scheduler, which needs no control plane and so runs everywhere, with every number of
pods. tests/cluster/test_room.py has the real one.
"""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.deploy.capacity import SmallFiles, reckoned
from tests.deploy.charts import PRODUCTION, Document, Rendered, render, spoiled
from tests.deploy.tools import INFRA
from tests.deploy.zones import Cluster, Node

ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
# Files of one movie, a second and process.
RATES = {"measured": lambda: SmallFiles.measured().per_process, "reckoned": reckoned}
DEPLOYMENTS = ("-api", "-worker")
# m7i.large: 2 CPU and 8 GiB, less what the kubelet, the plugins and the daemons keep.
NODE = {"cpu": 1.73, "memory": 6.5 * 2**30}


@pytest.fixture(scope="module")
def release() -> Rendered:
    return render(*PRODUCTION)


def nodes(each: int) -> list[Node]:
    return [
        Node(f"{zone}-{number}", zone, **NODE)  # type: ignore[arg-type]  # two numbers
        for zone in ZONES
        for number in range(each)
    ]


def largest() -> int:
    """How many nodes a zone may have."""
    cluster = yaml.safe_load((INFRA / "1-eks" / "config.yml").read_text("utf-8"))
    return min(int(group["maxSize"]) for group in cluster["managedNodeGroups"])


@pytest.mark.parametrize("replicas", [3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("zone", ZONES)
def test_a_lost_zone_leaves_no_pod_pending(release: Rendered, replicas: int, zone: str) -> None:
    cluster = Cluster(nodes(largest()))
    for deployment in DEPLOYMENTS:
        made = cluster.add(release.one("Deployment", deployment), replicas)
        per_zone = [sum(pod.node.zone == one for pod in made if pod.node) for one in ZONES]
        assert max(per_zone) - min(per_zone) <= 1
    assert cluster.pending() == []
    cluster.lose_zone(zone)
    assert cluster.pending() == []
    assert zone not in cluster.in_zones()


def test_the_nodes_that_run_anyhow_carry_the_smallest_release_through_it(
    release: Rendered,
) -> None:
    """Without a new node: three pods each, on the two nodes a zone that config.yml begins with."""
    cluster = Cluster(nodes(2))
    for deployment in DEPLOYMENTS:
        cluster.add(release.one("Deployment", deployment), 3)
    cluster.lose_zone(ZONES[0])
    assert cluster.pending() == []


def test_when_the_zone_comes_back_the_next_rollout_is_even_again(release: Rendered) -> None:
    cluster = Cluster(nodes(largest()))
    deployment = release.one("Deployment", "-worker")
    cluster.add(deployment, 6)
    cluster.lose_zone(ZONES[0])
    for node in cluster.nodes:
        node.lost = False
    roll(cluster, deployment, 6)
    assert sorted(cluster.in_zones().values()) == [2, 2, 2]


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("replicas", [3, 6, 7])
@pytest.mark.parametrize("lost", [None, ZONES[1]])
def test_a_rollout_has_never_less_than_all_pods_of_the_api_nor_two_thirds_of_the_workers(
    release: Rendered, deployment: str, replicas: int, lost: str | None
) -> None:
    cluster = Cluster(nodes(largest()))
    document = release.one("Deployment", deployment)
    cluster.add(document, replicas)
    if lost:
        cluster.lose_zone(lost)
    may_be_missing = 0 if deployment == "-api" else math.ceil(replicas / 3)
    assert roll(cluster, document, replicas) <= may_be_missing


def roll(cluster: Cluster, deployment: Document, replicas: int) -> int:
    """Rolls a deployment out as its strategy says. Returns how many pods were ever missing."""
    strategy = deployment["spec"]["strategy"]["rollingUpdate"]
    old = list(cluster.pods)
    missing = 0
    surge = pods_of(strategy["maxSurge"], replicas, math.ceil)
    may_go = pods_of(strategy["maxUnavailable"], replicas, math.floor)
    while old:
        gone = [old.pop() for _ in range(min(may_go, len(old)))]
        for pod in gone:
            cluster.remove(pod)
        new = cluster.add(deployment, len(gone) + min(surge, len(old)), revision="2")
        ready = sum(1 for pod in cluster.pods if pod.node)
        missing = max(missing, replicas - ready)
        assert all(pod.node for pod in new), "the rollout stands still"
        for pod in [old.pop() for _ in range(min(surge, len(old)))]:
            cluster.remove(pod)
    return missing


def pods_of(part: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    """Returns a number of pods, which may be given as a percentage."""
    if isinstance(part, int):
        return part
    return rounded(int(part.removesuffix("%")) * replicas / 100)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Unsatisfiable: {{ . }}\n", "Unsatisfiable: {{ . }}\n    minDomains: 3\n"),
        ("    nodeTaintsPolicy: Honor\n    matchLabelKeys", "    matchLabelKeys"),
    ],
    ids=["minDomains", "lost-nodes-count"],
)
def test_the_variants_of_a_hard_spread_that_are_not_used_would_leave_pods_pending(
    tmp_path: Path, before: str, after: str
) -> None:
    chart = spoiled(tmp_path, "templates/_pods.tpl", before, after)
    cluster = Cluster(nodes(largest()))
    hard = render(*PRODUCTION, "--set", "spread.zones=hard", chart=chart)
    cluster.add(hard.one("Deployment", "-worker"), 6)
    cluster.lose_zone(ZONES[0])
    assert cluster.pending()


def test_a_hard_spread_leaves_no_pod_pending_either_when_a_zone_is_lost() -> None:
    cluster = Cluster(nodes(largest()))
    hard = render(*PRODUCTION, "--set", "spread.zones=hard")
    cluster.add(hard.one("Deployment", "-worker"), 6)
    cluster.lose_zone(ZONES[0])
    assert cluster.pending() == []


@pytest.mark.parametrize("arriving", [0.0, 0.5])
@pytest.mark.parametrize("known", RATES)
def test_the_backlog_of_a_lost_zone_drains_and_nothing_is_lost(
    release: Rendered, known: str, arriving: float
) -> None:
    """Three workers, one of them lost with its zone for five minutes: at the rate that was measured
    here, and at the lower one that docs/capacity.md reckons with on AWS.

    `arriving` is the share of the three workers' rate at which files go on arriving.
    """
    scaled = release.one("ScaledObject", "-worker")["spec"]
    settings = release.environment("-worker")
    pods = scaled["minReplicaCount"]
    # In hand of the worker that is lost, and hidden for as long as it asked for.
    hidden = int(settings["MRU_CONCURRENCY"])
    back_at = int(settings["MRU_VISIBILITY_SECONDS"])
    rate = RATES[known]() * hidden
    waiting, done, arrived = 2_000.0, 0.0, 2_000.0 + hidden
    for second in range(3_600):
        working = pods - 1 if second < 300 else pods
        if second == back_at:
            waiting += hidden
        came = arriving * pods * rate if second < 1_800 else 0
        taken = min(waiting + came, working * rate)
        waiting += came - taken
        arrived += came
        done += taken
    assert waiting == pytest.approx(0)
    assert done == pytest.approx(arrived)
