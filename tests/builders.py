"""Builders: the smallest thing that is right, with what a test cares about set by name."""

import json
from typing import Any, Final

# Notifications are signed with the first; the second is another that may be valid beside it.
SECRET: Final = "a-secret-of-the-tests-0123456789abcdef"
OLD_SECRET: Final = "an-old-secret-of-the-tests-0123456789"
OPERATOR_TOKEN: Final = "an-operators-token-of-the-tests-0123456789"


def make_record(**fields: Any) -> dict[str, Any]:
    """A record as it stands in a file."""
    return {
        "title": "National Treasure",
        "year": 2004,
        "cast": ["Nicolas Cage", "Diane Kruger"],
        "genres": ["Adventure"],
    } | fields


def make_records(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Records of as many different movies."""
    return [make_record(title=f"Film {number}", **fields) for number in range(count)]


def as_file(records: Any) -> bytes:
    """A file that holds records as a JSON array."""
    return json.dumps(records).encode()
