"""What is asked: pieces of real titles, names and genres, as a stranger might type them.

They are drawn from the stored movies by a fixed seed: the same movies get the same questions.
"""

import dataclasses
import random
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

_GAP: Final = re.compile(r"(?<=\S)\s(?=\S\S)")  # a word, a blank, a word
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
TWO_MOVIES: Final = "title and actor, of two movies"
_YEARS_AROUND: Final = 5

Movie = dict[str, Any]
Terms = tuple[tuple[str, str], ...]  # names and values of parameters, in their order
Draw = Callable[["Dice"], Terms | None]  # None where a movie has nothing to draw


class Group(StrEnum):
    """Kinds for which the same goals hold."""

    SUBSTRING = "title or actor, 3 to 8 characters"
    PAIR = "pairs"
    SHORT = "1 or 2 characters"
    MISS = "misses"
    OTHER = "others"


@dataclasses.dataclass(frozen=True)
class Question:
    """The parameters of one search."""

    terms: Terms

    @property
    def target(self) -> str:
        """What follows the host in the URL."""
        return f"/movies?{urlencode(self.terms)}"

    @property
    def query(self) -> dict[str, Any]:
        """The same as MovieSearchSchema loads it."""
        query: dict[str, Any] = {}
        for name, value in self.terms:
            if name in ("title", "actor", "genre"):
                query.setdefault(name, []).append(value)
            else:
                query[name] = value
        return query

    def __str__(self) -> str:
        return ", ".join(f"{name} {value!r}" for name, value in self.terms)


@dataclasses.dataclass(frozen=True)
class Kind:
    """Questions of one shape; `draw` throws one, of the movie that the dice hold."""

    name: str
    group: Group
    draw: Draw
    with_year: bool = False

    @property
    def finds(self) -> bool | None:
        """Whether there is always something to be found; None where nobody knows."""
        if self.group is Group.MISS:
            return False
        return None if self.name == TWO_MOVIES else True

    @property
    def label(self) -> str:
        """The name, and whether a year goes with it."""
        return f"{self.name}, with year" if self.with_year else self.name


class Dice(random.Random):
    """Draws from movies, one of which it holds at a time."""

    def __init__(self, seed: str, movies: list[Movie], is_miss: Callable[[str, str], bool]) -> None:
        super().__init__(seed)
        self._movies = movies
        self._is_miss = is_miss
        self.movie = movies[0]

    def questions(self, kind: Kind, count: int) -> list[Question]:
        """Draws different questions of a kind, or as many as there are."""
        drawn: dict[Question, None] = {}
        for _ in range(count * 50):
            if len(drawn) == count:
                break
            self.take_another()
            if terms := kind.draw(self):
                years = self._years() if kind.with_year else ()
                drawn[Question((*terms, *years))] = None
        return list(drawn)

    def take_another(self) -> None:
        """Holds another movie from now on."""
        self.movie = self.choice(self._movies)

    def text(self, name: str) -> str:
        """Returns the movie's title, or one of its names or genres; empty where there is none."""
        if name == "title":
            # Without the number at the end, by which generated titles differ.
            title: str = self.movie["title"]
            return title.rpartition(" ")[0]
        texts: list[str] = self.movie["cast" if name == "actor" else "genres"]
        return self.choice(texts) if texts else ""

    def piece(self, name: str, shortest: int, longest: int) -> str:
        """Returns a part of a text, of that many characters; empty where it has none."""
        text, length = self.text(name), self.randint(shortest, longest)
        begin = self.randrange(max(1, len(text) - length + 1))
        piece = text[begin : begin + length].strip()
        return piece if len(piece) >= shortest else ""

    def word(self, name: str) -> str:
        """Returns a word of at least three characters."""
        words = [word for word in self.text(name).split() if len(word) >= 3]
        return self.choice(words) if words else ""

    def boundary(self, name: str) -> str:
        """Returns the end of a word, the blank, and how the next word begins: 'e jo'."""
        text = self.text(name)
        gaps = [found.start() for found in _GAP.finditer(text)]
        if not gaps:
            return ""
        gap = self.choice(gaps)
        return text[gap - self.randint(1, min(2, gap)) : gap + self.randint(2, 3)].strip()

    def miss(self, name: str) -> str:
        """Returns what no movie has: by turns a piece with a wrong letter, and two pieces joined,
        each common by itself.
        """
        joined = self.random() < 0.5
        while True:
            self.take_another()
            piece = self.piece(name, 3, 8)
            if joined:
                self.take_another()
                piece = piece[:4] + self.piece(name, 3, 4)
            elif piece:
                at = self.randrange(len(piece))
                piece = piece[:at] + self.choice(_LETTERS) + piece[at + 1 :]
            if len(piece) >= 3 and self._is_miss(name, piece):
                return piece

    def _years(self) -> Terms:
        """Returns by turns the movie's year, and the years around it."""
        year: int = self.movie["year"]
        if self.random() < 0.5:
            return (("year", str(year)),)
        first, last = year - _YEARS_AROUND, year + _YEARS_AROUND
        return (("year_from", str(first)), ("year_to", str(last)))


def _terms(*pairs: tuple[str, str]) -> Terms | None:
    return pairs if all(value for _, value in pairs) else None


def _one(name: str, draw: Callable[[Dice, str], str]) -> Draw:
    return lambda dice: _terms((name, draw(dice, name)))


def _piece(dice: Dice, name: str) -> str:
    return dice.piece(name, 3, 8)


def _together(*names: str) -> Draw:
    """All of one movie, which is therefore found; genres as they are, for there are few."""
    return lambda dice: _terms(
        *((name, dice.text(name) if name == "genre" else _piece(dice, name)) for name in names)
    )


def _two_movies(dice: Dice) -> Terms | None:
    title = _piece(dice, "title")
    dice.take_another()
    return _terms(("title", title), ("actor", _piece(dice, "actor")))


_TEXTS: Final = ("title", "actor")


def _kinds() -> Iterable[Kind]:
    for name in _TEXTS:
        yield Kind(f"{name}, 3 to 8 characters", Group.SUBSTRING, _one(name, _piece))
    for name in _TEXTS:
        yield Kind(f"{name}, across words", Group.SUBSTRING, _one(name, Dice.boundary))
    for name in _TEXTS:
        yield Kind(f"{name}, a word", Group.OTHER, _one(name, Dice.word))
    yield Kind("actor, a whole name", Group.OTHER, _one("actor", Dice.text))
    for name in _TEXTS:
        yield Kind(
            f"{name}, 1 or 2 characters",
            Group.SHORT,
            _one(name, lambda dice, name: dice.piece(name, 1, 2)),
        )
    for name in _TEXTS:
        yield Kind(f"{name}, a miss", Group.MISS, _one(name, Dice.miss))
    yield Kind("genre", Group.OTHER, _one("genre", _piece))
    yield Kind("title and actor", Group.PAIR, _together("title", "actor"))
    yield Kind(TWO_MOVIES, Group.PAIR, _two_movies)
    yield Kind("title and genre", Group.PAIR, _together("title", "genre"))
    yield Kind("actor and genre", Group.PAIR, _together("actor", "genre"))
    yield Kind("title, actor and genre", Group.OTHER, _together("title", "actor", "genre"))


_WITHOUT_YEAR: Final = tuple(_kinds())
KINDS: Final = (
    *_WITHOUT_YEAR,
    *(dataclasses.replace(kind, with_year=True) for kind in _WITHOUT_YEAR),
)


def _typed(*names: str) -> Draw:
    return lambda dice: _terms(
        *((name, dice.text(name) if name == "genre" else dice.word(name)) for name in names)
    )


# What people type into a search page: a word, a name, two of them. No piece of a word among them.
ORDINARY: Final = (
    Kind("a word of a title", Group.OTHER, _one("title", Dice.word)),
    Kind("a name", Group.OTHER, _one("actor", Dice.text)),
    Kind("a word of a title", Group.OTHER, _one("title", Dice.word), with_year=True),
    Kind("a word of a title and one of a name", Group.OTHER, _typed("title", "actor")),
    Kind("a word of a name and a genre", Group.OTHER, _typed("actor", "genre")),
)
