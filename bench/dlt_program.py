"""Loads a JSON file with dlt, and prints as JSON how long that took. Runs in dlt's own environment.

python bench/dlt_program.py FILE FORMAT NESTING      (see bench/against_dlt.py)
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import dlt  # type: ignore[import-not-found]  # it has an environment of its own
from dlt.common import json as fast_json  # type: ignore[import-not-found]  # orjson, as dlt has it

_PAGE_RECORDS = 10_000  # dlt advises to yield pages, not records


def main() -> None:
    """Loads the file. Where things are stands in the environment, as dlt has it."""
    path, form, nesting = sys.argv[1:]

    @dlt.resource(  # type: ignore[untyped-decorator]
        name="movies",
        write_disposition="append",
        max_table_nesting=None if nesting == "default" else int(nesting),
    )
    def movies() -> Iterator[Any]:
        with open(path, "rb") as file:  # noqa: PTH123  as dlt's own examples do
            records = fast_json.loadb(file.read())
        for start in range(0, len(records), _PAGE_RECORDS):
            yield records[start : start + _PAGE_RECORDS]

    pipeline = dlt.pipeline("bench", destination="postgres", dataset_name="loaded")
    started_at = time.monotonic()
    stages = {}
    for name, step in (
        ("extract", lambda: pipeline.extract(movies(), loader_file_format=form)),
        ("normalize", pipeline.normalize),
        ("load", lambda: pipeline.load(raise_on_failed_jobs=True)),
    ):
        begun = time.monotonic()
        step()
        stages[name] = time.monotonic() - begun
    print(json.dumps({"seconds": time.monotonic() - started_at, "stages": stages}))


if __name__ == "__main__":
    main()
