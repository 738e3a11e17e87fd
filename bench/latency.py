"""From PUT to visible: one upload after another through the whole local stack, each a new movie.

The stack is the one that `make up` runs, with the real Lambda handler, API and worker. A client
asks GET /movies/{id} every few milliseconds until the movie is there.
"""

import dataclasses
import http.client
import json
import math
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bench.errors import BenchError
from bench.generate import generate
from bench.postgres import connect
from local.addresses import Addresses
from local.cloud import make_client
from local.console import Files
from local.folder import wipe
from local.processes import Supervisor
from local.settings import StackSettings
from local.stack import Stack
from schemas.movie import movie_id
from schemas.settings import Environment

POLL_SECONDS: Final = 0.005
WARM_UPS: Final = 10
_VISIBLE_SECONDS: Final = 30
_FREE_PORTS: Final = dict.fromkeys(
    ("MRU_LOCAL_API_PORT", "MRU_LOCAL_AWS_PORT", "MRU_LOCAL_POSTGRES_PORT"), "0"
)


@dataclasses.dataclass(frozen=True)
class Upload:
    """When what happened to one file, in seconds since 1970."""

    key: str
    begun: float
    answered: float  # S3 has it
    visible: float  # GET /movies/{id} says 200

    @property
    def seconds(self) -> float:
        """From the beginning of the PUT."""
        return self.visible - self.begun


@dataclasses.dataclass(frozen=True)
class Latency:
    """All uploads that count, the first of all (with everything cold), and the stages' medians."""

    seconds: tuple[float, ...]
    cold_seconds: float
    stages: Mapping[str, float]

    def percentile(self, share: float) -> float:
        """Returns the smallest time that at least this share of the uploads did not exceed."""
        return sorted(self.seconds)[math.ceil(share * len(self.seconds)) - 1]


def measure_latency(folder: Path, uploads: int) -> Latency:
    """Runs the stack in a folder of its own, and uploads so many files beside the warm-up."""
    try:
        with _running_stack(folder) as (addresses, supervisor):
            timed = _upload_all(addresses, supervisor, uploads + WARM_UPS)
            counted = timed[WARM_UPS:]
            return Latency(
                seconds=tuple(upload.seconds for upload in counted),
                cold_seconds=timed[0].seconds,
                stages=_stages(addresses, counted),
            )
    finally:
        wipe(folder)


@contextmanager
def _running_stack(folder: Path) -> Iterator[tuple[Addresses, Supervisor]]:
    settings = StackSettings.read(Environment({**_FREE_PORTS, "MRU_LOCAL_DIR": str(folder)}))
    output = Files(folder / "logs")
    with Supervisor(output) as supervisor:
        harmless = {name: os.environ[name] for name in os.environ if not name.startswith("MRU_")}
        stack = Stack.of(settings, supervisor, output, harmless)
        yield stack.start(lambda _: None), supervisor


def _upload_all(addresses: Addresses, supervisor: Supervisor, uploads: int) -> list[Upload]:
    address = urlsplit(addresses.api)
    s3 = make_client("s3", addresses.aws, addresses.region)
    timed = []
    with closing(http.client.HTTPConnection(address.netloc, timeout=10)) as api:
        for number, movie in enumerate(generate(uploads)):
            supervisor.check()
            key, body = f"one/{number}.json", json.dumps(movie).encode()
            wanted = f"/movies/{movie_id(movie['title'], movie['year'], movie['cast'])}"
            begun = time.time()
            s3.put_object(Bucket=addresses.bucket, Key=key, Body=body)
            answered = time.time()
            _wait_until_visible(api, wanted)
            timed.append(Upload(key, begun, answered, time.time()))
    s3.close()
    return timed


def _wait_until_visible(api: http.client.HTTPConnection, path: str) -> None:
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while True:
        asked_at = time.monotonic()
        api.request("GET", path)
        with api.getresponse() as response:
            response.read()
        if response.status == 200:
            return
        if response.status != 404 or asked_at > deadline:
            raise BenchError(f"GET {path} said {response.status}; the movie was to be there.")
        time.sleep(max(0.0, asked_at + POLL_SECONDS - time.monotonic()))


def _stages(addresses: Addresses, uploads: list[Upload]) -> dict[str, float]:
    """Returns the median of each stage: what the client saw, put together with the ledger."""
    ledger = _ledger(addresses)
    if missing := [upload.key for upload in uploads if upload.key not in ledger]:
        raise BenchError(f"The ledger does not have {missing[0]}.")
    moments = [
        (upload.begun, upload.answered, *ledger[upload.key], upload.visible) for upload in uploads
    ]
    names = (
        "PUT, until S3 has answered",
        "event, Lambda, API and SQS, until the worker has the object's lock",
        "import, until the entry is closed",
        "commit, until GET finds it",
    )
    return {
        name: statistics.median(times[at + 1] - times[at] for times in moments)
        for at, name in enumerate(names)
    }


def _ledger(addresses: Addresses) -> dict[str, tuple[float, float]]:
    with closing(connect(addresses.database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, extract(epoch FROM started_at), extract(epoch FROM finished_at)"
            " FROM imports WHERE finished_at IS NOT NULL"
        )
        rows: list[tuple[Any, Any, Any]] = cursor.fetchall()
        return {key: (float(started), float(finished)) for key, started, finished in rows}
