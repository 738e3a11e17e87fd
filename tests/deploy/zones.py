"""A small Kubernetes: nodes in zones, and pods placed by the constraints of their own template.

It does what kube-scheduler's PodTopologySpread filter does ("Pod Topology Spread Constraints" in
its documentation, and plugins/podtopologyspread/filtering.go): over the nodes that count, a pod may
go where matching pods, itself included, less the fewest of any zone, are no more than maxSkew.
"""

import dataclasses
from typing import Any, Final

from tests.deploy.charts import Document

ZONE: Final = "topology.kubernetes.io/zone"
HOST: Final = "kubernetes.io/hostname"
_UNITS: Final = {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclasses.dataclass
class Node:
    """A node. Lost, it is tainted, and its pods are gone."""

    name: str
    zone: str
    cpu: float
    memory: float
    lost: bool = False

    def labels(self) -> dict[str, str]:
        return {ZONE: self.zone, HOST: self.name}


@dataclasses.dataclass
class Pod:
    """A pod of one revision of a deployment; pending as long as it has no node."""

    spec: Document
    labels: dict[str, str]
    node: Node | None = None


class Cluster:
    """Places pods, and loses zones."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.pods: list[Pod] = []

    def add(self, deployment: Document, replicas: int, *, revision: str = "1") -> list[Pod]:
        """Adds a deployment's pods, one after the other."""
        template = deployment["spec"]["template"]
        labels = {**template["metadata"]["labels"], "pod-template-hash": revision}
        made = [Pod(template["spec"], labels) for _ in range(replicas)]
        for pod in made:
            self.pods.append(pod)
            self.place(pod)
        return made

    def place(self, pod: Pod) -> None:
        """Gives a pod the best node that it may have, if there is one."""
        allowed = [node for node in self.nodes if self._fits(pod, node) and self._may(pod, node)]
        if allowed:
            pod.node = min(allowed, key=lambda node: self._badness(pod, node))

    def lose_zone(self, zone: str) -> list[Pod]:
        """Loses a zone. Its pods are made anew; returns those."""
        for node in self.nodes:
            node.lost = node.lost or node.zone == zone
        lost = [pod for pod in self.pods if pod.node and pod.node.lost]
        for pod in lost:
            pod.node = None
        for pod in lost:
            self.place(pod)
        return lost

    def retry(self) -> None:
        """Tries those again that found no place."""
        for pod in self.pending():
            self.place(pod)

    def remove(self, pod: Pod) -> None:
        self.pods.remove(pod)

    def pending(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.node is None]

    def in_zones(self) -> dict[str, int]:
        """Returns how many pods run in each zone that has any."""
        found: dict[str, int] = {}
        for pod in self.pods:
            if pod.node:
                found[pod.node.zone] = found.get(pod.node.zone, 0) + 1
        return found

    def _fits(self, pod: Pod, node: Node) -> bool:
        if node.lost:
            return False
        used = [other.spec for other in self.pods if other.node is node]
        return all(
            sum(_request(spec, what) for spec in [*used, pod.spec]) <= size
            for what, size in (("cpu", node.cpu), ("memory", node.memory))
        )

    def _may(self, pod: Pod, node: Node) -> bool:
        hard = [one for one in _spreads(pod) if one["whenUnsatisfiable"] == "DoNotSchedule"]
        return all(self._skew(pod, node, one) <= one["maxSkew"] for one in hard)

    def _badness(self, pod: Pod, node: Node) -> tuple[int, int]:
        soft = [one for one in _spreads(pod) if one["whenUnsatisfiable"] == "ScheduleAnyway"]
        crowd = sum(1 for other in self.pods if other.node is node)
        return (sum(self._skew(pod, node, one) for one in soft), crowd)

    def _skew(self, pod: Pod, node: Node, spread: dict[str, Any]) -> int:
        key = spread["topologyKey"]
        honoured = spread.get("nodeTaintsPolicy", "Ignore") == "Honor"
        counted = [one for one in self.nodes if not (honoured and one.lost)]
        matching = self._matching(pod, spread)
        numbers = {one.labels()[key]: 0 for one in counted}
        for other in matching:
            if other.node in counted and other.node is not None:
                numbers[other.node.labels()[key]] += 1
        fewest = min(numbers.values())
        if len(numbers) < spread.get("minDomains", 1):
            fewest = 0
        return numbers.get(node.labels()[key], 0) + 1 - fewest

    def _matching(self, pod: Pod, spread: dict[str, Any]) -> list[Pod]:
        wanted = dict(spread["labelSelector"]["matchLabels"])
        wanted |= {key: pod.labels[key] for key in spread.get("matchLabelKeys", [])}
        return [one for one in self.pods if one.node and wanted.items() <= one.labels.items()]


def _spreads(pod: Pod) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod.spec.get("topologySpreadConstraints", [])
    return found


def _request(spec: Document, what: str) -> float:
    return sum(amount(one["resources"]["requests"][what]) for one in spec["containers"])


def amount(quantity: str | int) -> float:
    """Returns a Kubernetes quantity as a number."""
    text = str(quantity)
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)
