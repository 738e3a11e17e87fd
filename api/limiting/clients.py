"""Which client a request comes from, as far as it cannot invent that itself."""

import hashlib
import ipaddress
from typing import TYPE_CHECKING, Final

from api.limiting.settings import KeyedBy, RateLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_API_KEY: Final = "HTTP_X_API_KEY"
_FORWARDED: Final = "HTTP_X_FORWARDED_FOR"
# One customer has at least this network, and all addresses in it (RFC 6177).
_IPV6_PREFIX: Final = 64


class Clients:
    """Names the client of a request: by its API key where it has a known one, or its address."""

    def __init__(self, limit: RateLimit) -> None:
        keys = limit.api_keys if limit.keyed_by is KeyedBy.API_KEY else ()
        # Hashes, so that how long a comparison takes says nothing about a key.
        self._known = frozenset(_hash(key.encode("utf-8", "surrogateescape")) for key in keys)
        self._trusted_proxies = limit.trusted_proxies

    def name(self, environ: "WSGIEnvironment") -> str:
        """Returns the name under which requests of the same client are counted, never a key."""
        if self._known and (given := environ.get(_API_KEY)):
            hashed = _hash(given.encode("latin-1"))  # as WSGI has it (PEP 3333)
            # A client that invents keys is counted by its address, like one that sends none.
            if hashed in self._known:
                return f"key:{hashed}"
        return f"address:{network_of(find_address(environ, self._trusted_proxies))}"


def find_address(environ: "WSGIEnvironment", trusted_proxies: int) -> str:
    """Returns the address that the outermost trusted proxy saw, or else that of the socket.

    Each proxy appends the address of who connected to it, so what stands further to the left than
    the trusted ones wrote is the client's own invention.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    if not trusted_proxies:
        return peer
    hops = environ.get(_FORWARDED, "").split(",")
    if len(hops) < trusted_proxies:
        return peer
    found = _without_port(hops[-trusted_proxies].strip())
    return found if _parse(found) else peer


def network_of(address: str) -> str:
    """Returns what is counted as one client: an IPv4 address, or the /64 of an IPv6 address."""
    parsed = _parse(address)
    if not isinstance(parsed, ipaddress.IPv6Address):
        return address if parsed is None else str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    # By its number, for a scope such as %eth0 is none of the network's.
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _without_port(hop: str) -> str:
    """Returns a hop without the port that some proxies write: 192.0.2.1:443, [2001:db8::1]:443."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _hash(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
