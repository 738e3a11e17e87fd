"""Movies in any number, drawn from real ones: the lengths, the names, the years and the genres are
those of real files, newly combined, so that indexes see what they would see in earnest.

    python bench/generate.py 1000000 movies.json [--seed 1]
"""

import argparse
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
_REAL: Final = ROOT.parent / "shared" / "data"
_SAMPLES: Final = ROOT / "samples"
_BATCH: Final = 1_000


def real_movies() -> list[dict[str, Any]]:
    """Returns the real films where they are at hand, and the project's own samples otherwise."""
    files = sorted(_REAL.glob("movies-*.json")) or [_SAMPLES / "movies.json"]
    return [movie for file in files for movie in json.loads(file.read_text(encoding="utf-8"))]


def generate(count: int, *, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yields `count` different movies, the same ones for the same seed."""
    real = real_movies()
    words = [movie["title"].split() for movie in real]
    names = sorted({name for movie in real for name in movie["cast"] if " " in name})
    firsts = [name.split()[0] for name in names]
    lasts = [name.split(maxsplit=1)[1] for name in names]
    dice = random.Random(seed)
    for number in range(count):
        movie = dice.choice(real)
        one, other = dice.choice(words), dice.choice(words)
        cut = (len(one) + 1) // 2
        yield {
            "title": " ".join([*one[:cut], *other[len(other) // 2 :], f"{number:x}"]),
            "year": movie["year"],
            "cast": [f"{dice.choice(firsts)} {dice.choice(lasts)}" for _ in movie["cast"]],
            "genres": movie["genres"],
        }


def write_json(path: Path, count: int, *, seed: int = 1) -> None:
    """Writes a file as it would be uploaded: one JSON array."""
    movies = generate(count, seed=seed)
    with path.open("w", encoding="utf-8") as file:
        separator = "["
        while batch := list(itertools.islice(movies, _BATCH)):
            file.write(separator + json.dumps(batch, ensure_ascii=False)[1:-1])
            separator = ",\n"
        file.write("]" if count else "[]")


def main() -> None:
    """Writes a file of generated movies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_json(arguments.path, arguments.count, seed=arguments.seed)


if __name__ == "__main__":
    main()
