"""`python -m local demo`: the whole road with the samples, from nothing to the answers, and an end.

Each step is checked; the first that is not as it should be ends the demo, with the reason and the
last words of whoever is to blame.
"""

import http.client
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin

from local import web
from local.addresses import Addresses
from local.cloud import make_client
from local.console import Files
from local.demo_screen import Screen
from local.folder import wipe
from local.lock import hold_lock
from local.processes import ProcessError, Supervisor
from local.samples import Sample, find, read_samples
from local.settings import ROOT, StackSettings
from local.stack import Stack
from schemas.imports import ImportStatus

# The seed's own examples, and its README's movie.
QUERIES: Final = (
    "title=The%20Incredibles",
    "actor=bob",
    "year=2016",
    "genre=action",
    "year=2016&genre=action",
    "title=national%20treasure&year=2004",
)
_IMPORT_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.1
_LAST_LINES: Final = 15


class DemoError(Exception):
    """Something came out other than it should; `culprits` are the processes to look at."""

    def __init__(self, message: str, *culprits: str) -> None:
        super().__init__(message)
        self.culprits = culprits


def run_demo(settings: StackSettings, environ: Mapping[str, str], screen: Screen) -> None:
    """Runs the demo in the settings' folder, of which only the logs stay.

    Raises DemoError, and what `Stack.start` raises.
    """
    with hold_lock(settings.folder.with_suffix(".lock")) as lock:
        wipe(settings.folder)
        output = Files(settings.folder / "logs")
        try:
            with Supervisor(output, held=(lock,)) as supervisor:
                addresses = Stack.of(settings, supervisor, output, environ).start(screen.doing)
                screen.done("Postgres, S3, SQS, Lambda, the API and a worker are up")
                _Demo(addresses, supervisor, screen).run(read_samples(ROOT / "samples"))
            screen.done("Everything is stopped again")
        except (DemoError, ProcessError) as error:
            for name in error.culprits if isinstance(error, DemoError) else (error.name,):
                screen.last_words(name, output.last_lines(name, _LAST_LINES))
            raise
        finally:
            screen.close()
            wipe(settings.folder, keep="logs")


class _Demo:
    def __init__(self, addresses: Addresses, supervisor: Supervisor, screen: Screen) -> None:
        self._addresses = addresses
        self._supervisor = supervisor
        self._screen = screen

    def run(self, samples: list[Sample]) -> None:
        self._upload(samples)
        self._follow(samples)
        stored = self._expect(samples, "")
        self._screen.done(f"Each ended as it should: {len(stored)} movies can be searched")
        for query in QUERIES:
            self._screen.movies(query, self._expect(samples, query))

    def _upload(self, samples: list[Sample]) -> None:
        s3 = make_client("s3", self._addresses.aws, self._addresses.region)
        for sample in samples:
            s3.put_object(
                Bucket=self._addresses.bucket, Key=sample.name, Body=sample.path.read_bytes()
            )
        s3.close()
        self._screen.done(f"{len(samples)} files are in s3://{self._addresses.bucket}")

    def _follow(self, samples: list[Sample]) -> None:
        """Shows each import when it has ended, and checks it."""
        deadline = time.monotonic() + _IMPORT_SECONDS
        awaited = {sample.name: sample for sample in samples}
        while awaited:
            self._supervisor.check()
            imports = self._get("/imports?limit=100")
            for found in imports:
                if found["finished_at"] and found["key"] in awaited:
                    self._screen.imported(found)
                    _check_import(awaited.pop(found["key"]), found)
            self._screen.progress(len(samples) - len(awaited), len(samples), imports)
            if awaited and time.monotonic() > deadline:
                missing = ", ".join(awaited)
                raise DemoError(
                    f"After {_IMPORT_SECONDS} seconds these are not imported: {missing}.",
                    *("notifier", "aws", "api", "worker"),
                )
            time.sleep(_POLL_SECONDS)

    def _expect(self, samples: list[Sample], query: str) -> list[dict[str, Any]]:
        """Returns what the API finds, which must be what is in the files."""
        self._supervisor.check()
        movies = self._all_pages(f"/movies?{query}")
        found, wanted = sorted(movie["id"] for movie in movies), find(samples, query)
        if found != sorted(str(movie) for movie in wanted):
            raise DemoError(
                f"GET /movies?{query} found {len(found)} movies; the files have {len(wanted)}.",
                "api",
            )
        return movies

    def _all_pages(self, path: str) -> list[dict[str, Any]]:
        movies: list[dict[str, Any]] = []
        address: str | None = path
        while address:
            answer = self._answer(address)
            movies += answer.json()
            address = _next_page(answer.headers.get("link", ""))
        return movies

    def _get(self, path: str) -> Any:
        return self._answer(path).json()

    def _answer(self, path: str) -> web.Answer:
        try:
            answer = web.ask(urljoin(self._addresses.api, path))
        except (OSError, http.client.HTTPException) as error:
            raise DemoError(f"GET {path} was not answered: {error}.", "api") from error
        if answer.status != 200:
            text = answer.body.decode(errors="replace")
            raise DemoError(f"GET {path} was answered with {answer.status}: {text}", "api")
        return answer


def _check_import(sample: Sample, found: dict[str, Any]) -> None:
    wanted = dict(sample.outcome)
    if wanted["status"] == ImportStatus.SUCCEEDED:
        wanted["inserted"] = wanted["read"]  # into an empty database, and no two are the same
    for name, value in wanted.items():
        if found[name] != value:
            raise DemoError(
                f"The import of {sample.name} says {name} {found[name]}, not {value}.", "worker"
            )


def _next_page(link: str) -> str | None:
    for part in link.split(", "):
        target, _, relation = part.partition("; ")
        if relation == 'rel="next"':
            return target.strip("<>")
    return None
