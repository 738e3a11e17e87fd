"""The port of the metrics: where it may be."""

import socket

import pytest

from schemas.metrics import Bind
from schemas.settings import Environment, SettingError


def read(text: str) -> Bind | None:
    return Bind.read(Environment({"MRU_METRICS_BIND": text}))


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("", None),
        (":9101", Bind("", 9101)),
        ("0.0.0.0:9101", Bind("0.0.0.0", 9101)),
        ("localhost:0", Bind("localhost", 0)),
        ("[::1]:9101", Bind("::1", 9101)),
        ("fd://7", Bind(descriptor=7)),
    ],
)
def test_an_address_or_a_descriptor_is_read(text: str, bind: Bind | None) -> None:
    assert read(text) == bind


@pytest.mark.parametrize(
    "text", ["9101", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536", "::1:9101", "fd://", "http://x:1"]
)
def test_anything_else_is_refused_by_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(SettingError, match="MRU_METRICS_BIND must be HOST:PORT"):
        read(text)


def test_a_port_that_is_taken_is_refused_by_the_name_of_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = Bind("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingError, match="MRU_METRICS_BIND: cannot listen there"):
            bind.listen()
