"""Per-client rate limits: how many requests a client may send in a window of time.

Off unless `MRU_RATE_LIMIT` is set. `settings` reads the settings, `clients` finds out which client
a request comes from, `counting` counts, and `limited` stands before the application.
"""

from typing import Final

_PROBES_AND_FILES: Final = ("/health/", "/ui/static/")
# Signed: the API checks the signature before it does anything that costs more.
_NOTIFICATIONS: Final = ("POST", "/notifications")


def is_limited(method: str, path: str) -> bool:
    """Whether requests like this count, and are rejected beyond the limit."""
    return not path.startswith(_PROBES_AND_FILES) and (method, path) != _NOTIFICATIONS
