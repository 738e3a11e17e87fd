"""Which client a request comes from: what it cannot invent, and nothing that it can."""

import pytest

from api.limiting.clients import Clients, find_address, network_of
from api.limiting.settings import KeyedBy, RateLimit
from tests.builders import OLD_SECRET, SECRET

PEER = "10.0.0.9"


def environ(forwarded: str | None = None, key: str | None = None) -> dict[str, str]:
    made = {"REMOTE_ADDR": PEER}
    if forwarded is not None:
        made["HTTP_X_FORWARDED_FOR"] = forwarded
    if key is not None:
        made["HTTP_X_API_KEY"] = key
    return made


def clients(*keys: str, by: KeyedBy = KeyedBy.API_KEY, proxies: int = 0) -> Clients:
    return Clients(RateLimit(rate=None, keyed_by=by, api_keys=keys, trusted_proxies=proxies))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, PEER),
        (0, "192.0.2.1", PEER),  # whoever sends this may have invented it
        (1, None, PEER),
        (1, "", PEER),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.7, 192.0.2.1", "192.0.2.1"),
        (1, "x, , 127.0.0.1,192.0.2.1 ", "192.0.2.1"),
        (2, "203.0.113.7, 192.0.2.1, 10.0.0.8", "192.0.2.1"),
        (2, "192.0.2.1", PEER),  # fewer than there are proxies
        (1, "203.0.113.7, nonsense", PEER),
        (1, "203.0.113.7, unknown", PEER),
        (1, "203.0.113.7,", PEER),
        (1, "192.0.2.1:50123", "192.0.2.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "[2001:db8::1]:50123", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(
    proxies: int, forwarded: str | None, address: str
) -> None:
    assert find_address(environ(forwarded), proxies) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("2001:0DB8:0:1::2", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),  # of a Unix socket
    ],
)
def test_an_ipv6_client_is_its_network_of_64_bits(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_known_key_is_a_client_wherever_it_comes_from() -> None:
    named = clients(SECRET, OLD_SECRET, proxies=1)
    first = named.name(environ("192.0.2.1", SECRET))
    assert first == named.name(environ("192.0.2.2", SECRET))
    assert first != named.name(environ("192.0.2.1", OLD_SECRET))
    assert SECRET not in first


def test_invented_keys_make_no_new_clients() -> None:
    named = clients(SECRET)
    address = named.name(environ())
    assert address == f"address:{PEER}"
    for key in ("", "invented", SECRET[:-1], f"{SECRET} ", f"{SECRET} {OLD_SECRET}", "schlüssel"):
        assert named.name(environ(key=key)) == address


def test_keys_mean_nothing_where_clients_are_addresses() -> None:
    assert clients(SECRET, by=KeyedBy.ADDRESS).name(environ(key=SECRET)) == f"address:{PEER}"
