"""Writes the chart's README.md from the comments of its values:

python -m tests.deploy.chart_readme charts/movies-r-us
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import yaml

_KEY: Final = re.compile(r"^(?P<indent> *)(?P<key>[\w-]+):(?: |$)")
_COMMENT: Final = re.compile(r"^ *# -- (?P<text>.*)$")

_HEAD: Final = """# The chart of movies-r-us

{description}. The API and the worker in three zones, the migration before each release, and what \
keeps them apart from everything else. How to install it: [docs/deploy.md](../../docs/deploy.md); \
`values-production.yaml` is what production has.

This page is made from `values.yaml`, by `make chart-readme`. A value that is not here is refused.

| value | default | what it is |
| --- | --- | --- |
"""


def make(chart: Path) -> str:
    """Returns the page. Raises KeyError for a value without a comment."""
    text = (chart / "values.yaml").read_text("utf-8")
    about = yaml.safe_load((chart / "Chart.yaml").read_text("utf-8"))
    comments = comments_of(text)
    rows = [
        f"| `{path}` | `{json.dumps(value)}` | {comments[path]} |\n"
        for path, value in leaves(yaml.safe_load(text), "", comments)
    ]
    return _HEAD.format(description=about["description"]) + "".join(rows)


def comments_of(text: str) -> dict[str, str]:
    """Returns the comment of each value that has one, by the value's path."""
    found = {}
    path: list[tuple[int, str]] = []
    waiting = ""
    for line in text.splitlines():
        if comment := _COMMENT.match(line):
            waiting = comment["text"]
        elif key := _KEY.match(line):
            depth = len(key["indent"])
            path = [part for part in path if part[0] < depth] + [(depth, key["key"])]
            if waiting:
                found[".".join(name for _, name in path)] = waiting
            waiting = ""
    return found


def leaves(values: Any, path: str, comments: dict[str, str]) -> list[tuple[str, Any]]:
    """Returns each value with its path; what has a comment is shown whole."""
    if not isinstance(values, dict) or path in comments:
        return [(path, values)]
    return [
        leaf
        for name, value in values.items()
        for leaf in leaves(value, f"{path}.{name}".lstrip("."), comments)
    ]


if __name__ == "__main__":
    (Path(sys.argv[1]) / "README.md").write_text(make(Path(sys.argv[1])), encoding="utf-8")
