"""Titles as long, as strange and as alike as they may be: stored, sorted, and walked over."""

import random

import pytest

from local.database import Dsns
from tests.builders import as_file, make_record
from tests.searching import Reference, Search, ids_of
from tests.short_road import open_road
from worker.importing import Outcome

LONGEST = 500


def emoji(dice: random.Random) -> str:
    return "".join(chr(dice.randrange(0x1F300, 0x1FAF0)) for _ in range(LONGEST))


def hostile_titles() -> list[str]:
    """Titles no two of which are alike, most of them too long for the entry of an index."""
    dice = random.Random(1)
    return [
        *(emoji(dice) for _ in range(3)),
        *("".join(dice.choices("½¼¾⅛⅔Ⅷ", k=LONGEST)) for _ in range(3)),  # fold to five characters
        *("".join(dice.choices("漢字仮名交", k=LONGEST)) for _ in range(3)),
        *("a" * (LONGEST - 1) + last for last in "abc"),
        *(
            sign * LONGEST
            for sign in ("%", "_", "\\", "'", '"', "!", ".", "\U0010ffff", "\x01", "İ")
        ),
        "Q",
        "X",
        " ".join("q" * 250),
        "tab\tand\nline\r\nfeeds",
        "A",
        "a",
        "à",
    ]


@pytest.fixture
def hostile(database: Dsns, aws: str, bucket: str) -> tuple[Search, Reference]:
    records = [
        make_record(title=title, cast=[title[:200].strip(), "Nicolas Cage"])
        for title in hostile_titles()
    ]
    road = open_road(aws, bucket, database)
    assert road.run(as_file(records)) is Outcome.SUCCEEDED
    assert road.entry()["inserted"] == len(records)
    return Search(database.api), Reference.of(records, database.api)


@pytest.mark.parametrize("sort", ["-year", "year", "title", "-title"])
def test_no_title_breaks_an_import_or_a_list(hostile: tuple[Search, Reference], sort: str) -> None:
    search, reference = hostile
    met = [each for page in search.pages(sort=sort, limit="1") for each in ids_of(page.rows)]
    assert met == ids_of(reference.find(sort=sort))
    search.database.close()


def test_every_title_and_every_name_is_found_by_its_pieces(
    hostile: tuple[Search, Reference],
) -> None:
    search, reference = hostile
    pieces = {
        piece.strip()
        for title in hostile_titles()
        for piece in (title[:1], title[1:3], title[2:6], title[3:203], title[-7:])
    } - {""}
    reference.fold.learn(pieces)
    for piece in pieces:
        for name in ("title", "actor"):
            found = search.find(**{name: [piece]}, limit="100")
            assert ids_of(found.rows) == ids_of(reference.find(**{name: [piece]})), (name, piece)
    search.database.close()


@pytest.mark.parametrize("term", ["\u0301", "\u0301\u0302"])
def test_accents_alone_find_nothing(hostile: tuple[Search, Reference], term: str) -> None:
    search, _ = hostile
    for name in ("title", "actor", "genre"):
        assert search.find(**{name: [term]}).rows == []
    search.database.close()


def test_a_match_never_spans_two_names(database: Dsns, aws: str, bucket: str) -> None:
    road = open_road(aws, bucket, database)
    road.run(as_file([make_record(cast=["Tom", "Hanks"]), make_record(cast=["Tom\nHanks"])]))
    search = Search(database.api)
    for term in ("tomhanks", "tom hanks", "mxh", "tomxhanks", "m\x1fh"):
        assert search.find(actor=[term]).rows == [], term
    (found,) = search.find(actor=["tom\nhanks"]).rows
    assert found["cast"] == ["Tom\nHanks"]
    search.database.close()
