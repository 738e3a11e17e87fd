"""Searches at a rate that does not wait for answers: an open loop, as many clients at once are."""

import asyncio
import dataclasses
import random
import string
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from bench.clients.honest import Asked

_TIMEOUT_SECONDS: Final = 20
_LETTERS: Final = string.ascii_lowercase


def dear_searches(seed: int) -> Iterator[str]:
    """Yields the dearest searches known, none twice: pairs of letters that no index knows, pages
    that count by genre and year, the order by title, deep pages, and common words counted.
    """
    dice = random.Random(seed)

    def pair() -> str:
        return "".join(dice.sample(_LETTERS, 2))

    shapes: tuple[Callable[[], str], ...] = (
        lambda: f"/?title={pair()}&actor={pair()}&sort=title",
        lambda: f"/movies?title={pair()}&title={pair()}&actor={pair()}&sort=-title",
        lambda: f"/movies/facets?title={pair()}&actor={pair()}",
        lambda: f"/movies?actor={pair()}&genre=drama&title={pair()}&sort=year",
        lambda: f"/suggest?term={pair()}",
        lambda: f"/movies?title=the&actor={pair()}&limit=100&page={dice.randrange(2, 100)}",
        lambda: f"/?title=the&year_from={dice.randrange(1900, 1950)}&actor={pair()}",
    )
    seen: set[str] = set()
    while True:
        search = dice.choice(shapes)()
        if search not in seen:
            seen.add(search)
            yield search


@dataclasses.dataclass
class Flood:
    """Asks `rate` searches a second, in a thread, whether answers come or not."""

    port: int
    searches: Iterator[str]
    rate: float

    def __post_init__(self) -> None:
        self.asked: list[Asked] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            following = time.monotonic()
            while not self._stop.is_set():
                group.create_task(self._ask(next(self.searches)))
                following += 1 / self.rate
                await asyncio.sleep(max(0.0, following - time.monotonic()))

    async def _ask(self, target: str) -> None:
        began, status = time.monotonic(), 0
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    request = f"GET {target} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"
                    writer.write(request.encode())
                    status = int((await reader.readline()).split()[1])
                    await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError, IndexError, ValueError):
            status = 0
        self.asked.append(Asked(began, status, time.monotonic() - began))
