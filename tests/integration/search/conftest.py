"""Databases that the tests of the search share, for they only read: one of the films of files, one
of so many movies that it matters how they are found.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.queries import totals
from bench.generate import generate
from bench.load import load_movies, unique
from local.database import Dsns
from local.postgres import Address
from tests.databases import make_database
from tests.searching import Reference, Search

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "data"
MANY = 200_000


def records_of(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("movies*.json"))
    return [record for file in files for record in json.loads(file.read_text(encoding="utf-8"))]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a count take as long as it needs: what is right does not depend on a busy machine."""
    monkeypatch.setattr(totals, "MILLISECONDS", 2_500)


@pytest.fixture(scope="session")
def real_records() -> list[dict[str, Any]]:
    """The records of the real files, each movie once."""
    records = list(unique(records_of(REAL)))
    if not records:
        pytest.skip("The real files are not there: ../shared/data")
    return records


@pytest.fixture(scope="session", params=["samples", "real"])
def films(request: pytest.FixtureRequest, postgres: Address) -> Iterator[tuple[Search, Reference]]:
    """The films of the samples or of the real files: a search for them, and its reference."""
    if request.param == "real":
        records = request.getfixturevalue("real_records")
    else:
        records = list(unique(records_of(ROOT / "samples")))
    with make_database(postgres) as dsns:
        load_movies(dsns.admin, records)
        search = Search(dsns.api)
        yield search, Reference.of(records, dsns.api)
        search.database.close()


@pytest.fixture(scope="session")
def many_search(many: Dsns) -> Iterator[Search]:
    """The search among them."""
    search = Search(many.api)
    yield search
    search.database.close()


@pytest.fixture(scope="session")
def many(postgres: Address) -> Iterator[Dsns]:
    """A database of 200,000 movies."""
    with make_database(postgres) as dsns:
        load_movies(dsns.admin, generate(MANY))
        yield dsns
