"""Holds manifests against Kubernetes' own schemas, and those of KEDA and the Prometheus operator.

    python tests/deploy/manifest_checker.py VERSION < documents.json

Runs with the tools' own Python, which has the packages with the schemas. Prints a fault a line; a
kind that no schema is known of is a fault as well, unless it is named here with the reason.
"""

import importlib
import json
import sys
from typing import Any

import kubernetes_validate  # type: ignore[import-not-found]  # as above
from pydantic import BaseModel, ValidationError  # type: ignore[import-not-found]  # as above

# The External Secrets Operator's schemas are in no package: tests/deploy/test_chart.py looks at it.
UNKNOWN = {"ExternalSecret"}
MODELS = {
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}


def faults_of(document: dict[str, Any], version: str) -> list[str]:
    kind = document["kind"]
    if kind in UNKNOWN:
        return []
    module = MODELS.get(document["apiVersion"])
    if module is not None:
        return model_faults(document, getattr(importlib.import_module(module), kind, None))
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    except Exception as error:  # noqa: BLE001  whatever it says of a kind that it does not know
        return [f"{type(error).__name__}: {error}"]
    return []


def model_faults(document: dict[str, Any], model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return ["no such kind"]
    try:
        made = model.model_validate(document)
    except ValidationError as error:
        return str(error).splitlines()
    # The models take fields that they do not know, and forget them.
    kept = made.model_dump(mode="json", by_alias=True, exclude_none=True)
    return forgotten(document, kept, "")


def forgotten(given: Any, kept: Any, path: str) -> list[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        lost = [f"{path}.{name}: no such field" for name in given if name not in kept]
        both = [name for name in given if name in kept]
        return lost + [one for n in both for one in forgotten(given[n], kept[n], f"{path}.{n}")]
    if isinstance(given, list) and isinstance(kept, list):
        pairs = zip(given, kept, strict=True)
        return [one for i, (g, k) in enumerate(pairs) for one in forgotten(g, k, f"{path}[{i}]")]
    return []


def main() -> int:
    found = 0
    for document in json.load(sys.stdin):
        for fault in faults_of(document, sys.argv[1]):
            print(f"{document['kind']}/{document['metadata']['name']}: {fault}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
