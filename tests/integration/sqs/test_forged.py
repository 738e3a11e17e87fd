"""Messages that somebody else wrote: none runs anything, none stops or grows the worker."""

import bz2
import json
import lzma
import re
import subprocess
import zlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.rig import Rig, encode, make_message, make_rig, running_worker, wait_until

MAY_GROW_KIB: Final = 48 * 1024
BOMB: Final = b" " * 150_000_000
TOUCH: Final = {"task": "probe.touch", "args": ["never"], "kwargs": {}, "options": {}}
PAST, FUTURE = "2001-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"


def packed(body: Any) -> str:
    return encode(json.dumps(body))


def with_headers(**headers: Any) -> dict[str, Any]:
    message = make_message("probe.touch", "never")
    message["headers"] |= headers
    return message


def with_body(args: Any, kwargs: Any, embedded: Any) -> dict[str, Any]:
    return make_message("probe.touch", body=packed([args, kwargs, embedded]))


def with_properties(**properties: Any) -> dict[str, Any]:
    message = make_message("probe.touch", "never")
    message["properties"] |= properties
    return message


def bomb(squeezed: bytes, **changes: Any) -> dict[str, Any]:
    return with_headers(**changes) | {"body": b64encode(squeezed).decode()}


def in_another_encoding(content_type: str | None, encoding: str, body: bytes) -> dict[str, Any]:
    changes = {"content-type": content_type, "content-encoding": encoding}
    return make_message("probe.touch", "never") | changes | {"body": b64encode(body).decode()}


def make_forged() -> dict[str, Any]:
    bz2_bomb = bz2.compress(BOMB)
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    first_protocol = {"task": "probe.touch", "id": "1", "args": ["never"], "kwargs": {}}
    return {
        "bz2 bomb": bomb(bz2_bomb, compression="application/x-bz2"),
        "lzma bomb": bomb(lzma.compress(BOMB, preset=0), compression="application/x-lzma"),
        "gzip bomb": bomb(zlib.compress(BOMB[:50_000_000]), compression="application/x-gzip"),
        "bomb by its short name": bomb(bz2_bomb, compression="bzip2"),
        "unknown compression": with_headers(compression="none"),
        "compression is a list": with_headers(compression=["application/x-bz2"]),
        "bomb as a codec": in_another_encoding("application/data", "bz2", bz2_bomb),
        "bomb as a codec of no type": in_another_encoding(None, "bz2_codec", bz2_bomb),
        "text in another codec": in_another_encoding("application/text", "utf-16", b"\xff\xfe"),
        "pickle": in_another_encoding("application/x-python-serialize", "binary", b"cos\n."),
        "yaml": in_another_encoding("application/x-yaml", "utf-8", b"!!python/object:os.x"),
        "eta in 2099": with_headers(eta=FUTURE),
        "eta in the past": with_headers(eta=PAST),
        "expired long ago": with_headers(expires=PAST),
        "expires in 2099": with_headers(expires=FUTURE),
        "no time limits": with_headers(timelimit=[999_999, 999_999]),
        "short time limits": with_headers(timelimit=[0.01, 0.01]),
        "time limit is a number": with_headers(timelimit=1),
        "retried already": with_headers(retries=3),
        "part of a group": with_headers(group="group", group_index=1),
        "chord in the headers": with_headers(chord=TOUCH),
        "callback": with_body(["never"], {}, embedded | {"callbacks": [TOUCH]}),
        "errback": with_body(["never", 1], {}, embedded | {"errbacks": [TOUCH]}),
        "chain": with_body(["never"], {}, embedded | {"chain": [TOUCH]}),
        "chord": with_body(["never"], {}, embedded | {"chord": TOUCH}),
        "arguments are an object": with_body({"name": "never"}, {}, embedded),
        "named arguments are a list": with_body(["never"], ["never"], embedded),
        "nothing embedded": with_body(["never"], {}, None),
        "celery.map": make_message("celery.map", TOUCH, [["never"]]),
        "celery.starmap": make_message("celery.starmap", TOUCH, [["never"]]),
        "celery.chunks": make_message("celery.chunks", TOUCH, [["never"]], 1),
        "celery.group": make_message("celery.group", [TOUCH], "result", "group"),
        "celery.chain": make_message("celery.chain", TOUCH),
        "celery.chord": make_message("celery.chord", [TOUCH], TOUCH),
        "celery.chord_unlock": make_message("celery.chord_unlock", "group", TOUCH),
        "celery.accumulate": make_message("celery.accumulate", "never"),
        "celery.backend_cleanup": make_message("celery.backend_cleanup"),
        "first protocol": make_message("", body=packed(first_protocol), headers={}),
        "first protocol with headers": make_message("probe.touch", body=packed(first_protocol)),
        "id is an object": with_headers(id={}),
        "id is very long": with_headers(id="1" * 100_000),
        "body that is not packed": with_properties(body_encoding=None),
        "deep": make_message("probe.touch", body=encode("[" * 50_000)),
    }


def peak_kib(process: subprocess.Popen[bytes]) -> int:
    """Returns the most memory that a process has had so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


@pytest.fixture(scope="module")
def rig(moto_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(moto_port, tmp_path_factory.mktemp("forged")) as rig:
        yield rig


@pytest.fixture(scope="module")
def worker(rig: Rig) -> Iterator[subprocess.Popen[bytes]]:
    with running_worker(rig) as worker:
        rig.process_a_good_message()
        yield worker


def test_forged_messages_end_as_dead_letters_and_good_ones_between_them_are_done(
    rig: Rig, worker: subprocess.Popen[bytes]
) -> None:
    forged = make_forged()
    assert len(forged) >= 40
    before = peak_kib(worker)
    for number, message in enumerate(forged.values()):
        rig.send_raw(packed(message))
        rig.send("probe.touch", f"good-{number}")
    for number in range(len(forged)):
        assert rig.wait_for(f"good-{number}") == ["1"]
    wait_until(
        "the forged are dead and the good are gone",
        lambda: rig.count(rig.dead_queue_url) == len(forged) and rig.count(rig.queue_url) == 0,
    )
    assert rig.traces("never") == []
    assert worker.poll() is None, "the worker has exited"
    assert peak_kib(worker) - before < MAY_GROW_KIB
    rig.process_a_good_message()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "headers",
    [
        {"shadow": "another name"},
        {"stamps": {"x": [1]}, "stamped_headers": ["x"]},
        {"ignore_result": False},
        {"argsrepr": {"a": []}, "kwargsrepr": 1, "origin": []},
        {"timelimit": [None, None], "eta": None, "retries": 0, "group": None},
        {"root_id": [], "parent_id": {}, "request_id": "1" * 10_000},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_what_only_decorates_a_message_is_dropped(rig: Rig, headers: dict[str, Any]) -> None:
    message = make_message("probe.touch", name := f"decorated-{next(iter(headers))}")
    message["headers"] |= headers
    rig.send_raw(packed(message))
    assert rig.wait_for(name) == ["1"]
