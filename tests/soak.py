"""A soak: uploads, overwrites and repeated events without a break, while workers are killed.

In the end the table has to be the model's. `python -m tests.soak` runs it by itself, for
MRU_SOAK_SECONDS (60); MRU_SOAK_SEED repeats what was uploaded. S3 here is `tests.object_store`,
whose clock the soak keeps: the emulator's has no sequencers and tells the time of its own.
"""

import contextlib
import dataclasses
import json
import logging
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from flask.testing import FlaskClient

from local.database import Dsns, prepare_database
from local.postgres import Postgres
from schemas.logs import configure_logs
from schemas.notification import dump_notification
from tests.builders import make_record
from tests.calling import make_api, make_signed
from tests.databases import FAST, PASSWORDS
from tests.model import Event, model, notification_of
from tests.object_store import ObjectStore, StoredVersion, serve
from tests.rig import AWS, REGION, moto_server, wait_until
from tests.road import Road, Worker, kill, make_road

BUCKET: Final = "soak"
WORKERS: Final = 3
_KEYS: Final = 12
_FILMS: Final = 3_000
_WAITING_MAX: Final = 30  # messages in the queue, from which on uploads wait: or it would never end


@dataclasses.dataclass
class Soak:
    """What was uploaded so far, and who works on it."""

    road: Road
    store: ObjectStore
    api: FlaskClient
    dice: random.Random
    began: float = dataclasses.field(default_factory=time.monotonic)
    events: list[Event] = dataclasses.field(default_factory=list)
    announced: int = 0
    kills: list[str] = dataclasses.field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def upload(self) -> None:
        """Puts a version of some key, and tells of it; and of an old one again, now and then."""
        version = self._random_version()
        self.store.put(version)
        self.events.append((version, format(0x5EED00 + len(self.events), "x")))
        self._announce(self.events[-1])
        while self.dice.random() < 0.3:
            self._announce(self.dice.choice(self.events[-20:]))

    def _random_version(self) -> StoredVersion:
        large = self.dice.random() < 0.25
        records = self.dice.randrange(500, 3_000) if large else self.dice.randrange(30)
        films = [self._random_record() for _ in range(records)]
        body = json.dumps(films).encode()
        return StoredVersion(
            key=f"{self.dice.randrange(_KEYS)}.json",
            version_id=uuid.UUID(int=self.dice.getrandbits(128)).hex,
            body=body,
            etag=uuid.uuid5(uuid.NAMESPACE_OID, body.decode()).hex,
            second=int(self.seconds),
        )

    def _random_record(self) -> dict[str, Any]:
        title = f"Film {self.dice.randrange(_FILMS)}"
        return make_record(title=title, genres=[self.dice.choice("ABCDE")])

    def _announce(self, event: Event) -> None:
        """Tells the API, which has to take it."""
        body = dump_notification(notification_of(BUCKET, event))
        answer = self.api.post("/notifications", **make_signed(body))
        assert answer.status_code == 202, answer.text
        self.announced += 1

    @property
    def waiting(self) -> int:
        return self.road.rig.count(self.road.rig.queue_url)


class Fleet:
    """Workers, of which one loses its child, its main process or both every few seconds."""

    def __init__(self, soak: Soak, stack: contextlib.ExitStack) -> None:
        self._soak = soak
        self._stack = stack
        self._over = threading.Event()
        self._dice = random.Random(soak.dice.random())
        self._workers = [self._start() for _ in range(WORKERS)]
        self._killer = threading.Thread(target=self._kill_now_and_then)

    def __enter__(self) -> None:
        self._killer.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._killer.join()

    def _start(self) -> Worker:
        return self._stack.enter_context(
            self._soak.road.running_worker(
                AWS_ENDPOINT_URL_S3=self._soak.store.endpoint,
                MRU_BUCKETS=BUCKET,
                MRU_CHUNK_RECORDS="200",
                MRU_RETRY_SECONDS="1",
            )
        )

    def _kill_now_and_then(self) -> None:
        while not self._over.wait(self._dice.uniform(1.5, 3.5)):
            place = self._dice.randrange(WORKERS)
            whom = self._dice.choice(("child", "main", "both"))
            self._kill(self._workers[place], whom)
            if whom != "child":
                self._workers[place] = self._start()
            self._soak.kills.append(whom)

    def _kill(self, worker: Worker, whom: str) -> None:
        if whom == "both":
            kill(worker)
        elif whom == "main":
            worker.kill()
            worker.wait()
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(worker.pid).children():
                    child.kill()


@contextlib.contextmanager
def make_soak(endpoint: str, dsns: Dsns, folder: Path, seed: int) -> Iterator[Soak]:
    """Makes bucket, queue and API. `AWS_ENDPOINT_URL` has to be the endpoint: the API reads it."""
    with make_road(endpoint, dsns, folder) as road, serve() as store:
        queue = {"AWS_REGION": REGION, "MRU_QUEUE_URL": road.rig.queue_url}
        api = make_api(dsns.api, MRU_BUCKETS=BUCKET, **queue).test_client()
        yield Soak(road, store, api, random.Random(seed))


def run(soak: Soak, seconds: float) -> None:
    """Uploads for so long while workers are killed, and waits until nothing is left to do."""
    with contextlib.ExitStack() as stack:
        with Fleet(soak, stack):
            while soak.seconds < seconds:
                soak.upload()
                wait_until("there is room", lambda: soak.waiting < _WAITING_MAX)
        soak.road.wait_until_queue_is_empty()


def faults_of(soak: Soak) -> list[str]:
    """Returns what is not as it should be: nothing, after a good soak."""
    query = soak.road.query
    found = dict(query("SELECT id::text, genres FROM movies"))
    wanted = model(BUCKET, soak.events)
    records = sum(len(json.loads(version.body)) for version, _ in soak.events)
    sums = """
    SELECT count(*), count(*) FILTER (WHERE status = 'succeeded'), sum(read)::bigint,
        sum(inserted)::bigint, count(*) FILTER (WHERE error IS NOT NULL)
    FROM imports
    """
    told = (len(soak.events), len(soak.events), records, len(found), 0)
    dead = soak.road.rig.count(soak.road.rig.dead_queue_url)
    checks = {
        f"{len(wanted.keys() - found.keys())} movies are lost": wanted.keys() <= found.keys(),
        f"{len(found.keys() - wanted.keys())} movies are too many": found.keys() <= wanted.keys(),
        "movies are not as their newest file says": found == wanted,
        f"the ledger says {query(sums)}, not {told}": query(sums) == [told],
        f"{dead} messages are dead": dead == 0,
    }
    return [fault for fault, is_right in checks.items() if not is_right]


def summary_of(soak: Soak) -> str:
    (attempts,) = soak.road.query("SELECT sum(attempts) - count(*) FROM imports")[0]
    kills = ", ".join(f"{soak.kills.count(whom)} {whom}" for whom in sorted(set(soak.kills)))
    return (
        f"{len(soak.events)} uploads, announced {soak.announced} times, in {soak.seconds:.0f} s;"
        f" killed: {kills or 'nobody'}; {attempts} imports begun again"
    )


def main() -> int:
    """Soaks on a Postgres and an emulator of its own. Returns an exit status."""
    seconds = float(os.environ.get("MRU_SOAK_SECONDS", "60"))
    seed = int(os.environ.get("MRU_SOAK_SEED", str(time.time_ns() % 10**6)))
    configure_logs("soak", readable=True)
    for chatty in (None, "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="mru-soak-") as name, moto_server() as port:
        folder = Path(name)
        folder.chmod(0o755)
        endpoint = f"http://127.0.0.1:{port}"
        os.environ.update(AWS | {"AWS_ENDPOINT_URL": endpoint})
        server = Postgres(folder / "postgres", options=FAST)
        try:
            dsns = prepare_database(server.start().dsn(), "movies", PASSWORDS)
            with make_soak(endpoint, dsns, folder, seed) as soak:
                run(soak, seconds)
                sys.stdout.write(f"seed {seed}: {summary_of(soak)}\n")
                faults = faults_of(soak)
        finally:
            server.stop()
    sys.stdout.write(
        "\n".join(faults or ["The table is the model's: nothing lost, nothing twice."])
    )
    sys.stdout.write("\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
