"""Walking by cursor: nothing is missed and nothing repeated, while imports commit around it."""

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bench.load import load_movies
from local.database import Dsns
from tests.builders import as_file, make_record
from tests.searching import Reference, Search, identity_of, ids_of
from tests.short_road import Road, open_road
from worker.importing import Outcome

SORTS = ("-year", "year", "title", "-title")


class Importing(threading.Thread):
    """Imports files without pause: new movies anywhere in the list, and news of known ones."""

    def __init__(self, road: Road, known: list[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self.road, self.known = road, known
        self.commits = 0
        self.enough = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        dice = random.Random(1)
        try:
            while not self.enough.is_set():
                key = f"{self.commits}.json"
                assert self.road.run(as_file(self.file(dice)), key) is Outcome.SUCCEEDED
                self.commits += 1
        except BaseException as error:  # noqa: BLE001  the test raises it again
            self.error = error

    def file(self, dice: random.Random) -> list[dict[str, Any]]:
        letters = "abcdefghijklmnopqrstuvwxyz '-é"
        new = [
            make_record(
                title="x".join(dice.choices(letters, k=12)).strip(), year=dice.randint(1900, 2020)
            )
            for _ in range(20)
        ]
        changed = [
            {**dice.choice(self.known), "genres": [f"Genre {dice.random()}"]} for _ in range(20)
        ]
        return new + changed


@pytest.mark.parametrize("sort", SORTS)
def test_a_walk_meets_every_movie_once_while_imports_commit(
    real_records: list[dict[str, Any]], database: Dsns, aws: str, bucket: str, sort: str
) -> None:
    load_movies(database.admin, real_records)
    importing = Importing(open_road(aws, bucket, database), real_records)
    importing.start()
    search = Search(database.api)
    met = [movie for page in search.pages(sort=sort, limit="100") for movie in page.rows]
    importing.enough.set()
    importing.join()
    search.database.close()
    if importing.error:
        raise importing.error
    assert importing.commits > 3
    assert len(set(ids_of(met))) == len(met)
    assert set(ids_of(met)) >= {identity_of(record) for record in real_records}
    years = [movie["year"] for movie in met]
    if sort.endswith("year"):
        assert years == sorted(years, reverse=sort == "-year")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("filters", [{}, {"title": ["the"]}, {"actor": ["e"], "genre": ["com"]}])
def test_the_way_back_leads_over_the_same_pages(
    films: tuple[Search, Reference], filters: dict[str, Any], sort: str
) -> None:
    search, reference = films
    query = {**filters, "sort": sort, "limit": "100"}
    pages = list(search.pages(**query))
    assert [each for page in pages for each in ids_of(page.rows)] == ids_of(reference.find(**query))
    assert pages[0].preceding is None
    assert pages[-1].following is None
    assert [page.rows for page in back(search, pages[-1].preceding, query)] == [
        page.rows for page in reversed(pages[:-1])
    ]


def back(search: Search, cursor: str | None, query: dict[str, Any]) -> Iterator[Any]:
    while cursor:
        page = search.find(**query, cursor=cursor)
        yield page
        cursor = page.preceding


def test_numbered_pages_and_cursors_lead_to_the_same_pages(
    films: tuple[Search, Reference],
) -> None:
    search, _ = films
    numbered = [search.find(title=["e"], limit="20", page=str(number)) for number in range(1, 6)]
    walked = [
        page for page, _ in zip(search.pages(title=["e"], limit="20"), numbered, strict=False)
    ]
    assert [page.rows for page in walked] == [page.rows for page in numbered][: len(walked)]
    assert [page.following for page in walked] == [page.following for page in numbered][
        : len(walked)
    ]
