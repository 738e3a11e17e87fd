"""Loads a JSON file with dlt, and prints as JSON how long that took. Runs in dlt's own environment.

python bench/dlt_program.py FILE FORMAT NESTING DISPOSITION      (see bench/against_dlt.py)
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import dlt  # type: ignore[import-not-found]  # it has an environment of its own
from dlt.common import json as fast_json  # type: ignore[import-not-found]  # as dlt itself uses it

_PAGE_RECORDS = 10_000  # dlt advises to yield pages, not records
_IDENTITY = ("title", "year", "lead")
_SEARCH_INDEXES = """
CREATE INDEX ON loaded.movies (year DESC, title);
CREATE INDEX ON loaded.movies USING gin (public.mru_fold(title) public.gin_trgm_ops);
CREATE INDEX ON loaded.movies USING gin (public.mru_fold("cast"::text) public.gin_trgm_ops);
"""


def main() -> None:
    """Loads the file. Where things are stands in the environment, as dlt has it."""
    path, form, nesting, disposition = sys.argv[1:]
    pipeline = dlt.pipeline("bench", destination="postgres", dataset_name="loaded")
    merged = disposition == "merge"
    options = {
        "write_disposition": disposition,
        "max_table_nesting": None if nesting == "default" else int(nesting),
        **({"primary_key": _IDENTITY} if merged else {}),
    }
    if merged:  # a first movie makes the table, which then gets its indexes
        first = [_with_lead({"title": "First", "year": 2000, "cast": ["A"], "genres": ["B"]})]
        pipeline.run(_resource(iter([first]), options), loader_file_format=form)
        with pipeline.sql_client() as client:
            client.execute_sql(_SEARCH_INDEXES)
    started_at = time.monotonic()
    pipeline.extract(_resource(_pages(path, merged=merged), options), loader_file_format=form)
    pipeline.normalize()
    pipeline.load(raise_on_failed_jobs=True)
    print(json.dumps({"seconds": time.monotonic() - started_at}))


def _resource(pages: Iterator[Any], options: dict[str, Any]) -> Any:
    return dlt.resource(pages, name="movies", **options)


def _pages(path: str, *, merged: bool) -> Iterator[Any]:
    with open(path, "rb") as file:  # noqa: PTH123  as dlt's own examples do
        records = fast_json.loadb(file.read())
    for start in range(0, len(records), _PAGE_RECORDS):
        page = records[start : start + _PAGE_RECORDS]
        yield [_with_lead(record) for record in page] if merged else page


def _with_lead(record: dict[str, Any]) -> dict[str, Any]:
    """Adds the third part of a movie's identity as a column that dlt can merge by."""
    return {**record, "lead": record["cast"][0] if record["cast"] else ""}


if __name__ == "__main__":
    main()
