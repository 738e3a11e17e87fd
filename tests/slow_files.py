"""A file that comes from S3 slowly, so that there is time to watch its import."""

import asyncio
import threading
from typing import Final

from tests.builders import as_file, make_records
from tests.faults import Exchange

RECORDS: Final = 4_000
# So that progress is told while the file comes, and not at its end.
CHUNK_RECORDS: Final = 100

_PADDING: Final = b" " * 1_500
_DROP_BYTES: Final = 65_536
_DROP_SECONDS: Final = 0.04


def make_file() -> bytes:
    """Returns a file of movies with much white space, which takes the tap four seconds."""
    records = [as_file(record) + _PADDING for record in make_records(RECORDS)]
    return b"[" + b",".join(records) + b"]"


class Tap:
    """Lets an answer through when it is opened: drop by drop, and then all at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.hurry = threading.Event()

    async def __call__(self, exchange: Exchange) -> None:
        async with exchange.ask() as server:
            head = await server.reader.readuntil(b"\r\n\r\n")
            await exchange.client.send(head)
            while not self.open.is_set():
                await asyncio.sleep(0.02)
            while data := await server.reader.read(_DROP_BYTES):
                await exchange.client.send(data)
                if not self.hurry.is_set():
                    await asyncio.sleep(_DROP_SECONDS)
