"""Which objects are imported, and how: the rules of an operator, and the markers of other programs.

Rules stand in order and the first that matches an object decides; an object that none matches is
imported. Before them all come markers, objects of 0 bytes that a console or a job leaves beside its
files: to import one could only fail. `worker/rules_file.py` reads the rules of `MRU_RULES`.
"""

import dataclasses
from enum import StrEnum
from typing import Final

from schemas.imports import OnError

# Names that jobs of Hadoop, Spark and Databricks leave. What begins with a dot is hidden to them.
_MARKER_NAMES: Final = ("_SUCCESS",)
_MARKER_PREFIXES: Final = (".", "_committed_", "_started_")
_MARKER_SUFFIX: Final = "_$folder$"
_TEMPORARY_FOLDER: Final = "_temporary"


class Action(StrEnum):
    """What becomes of an object that a rule matches."""

    IMPORT = "import"
    IGNORE = "ignore"  # its message is done with, and the ledger has no entry of it


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """Objects by bucket, prefix and suffix of their keys, and what to do with them.

    No bucket is any bucket; `on_error` is None where MRU_ON_ERROR stays.
    """

    action: Action
    bucket: str | None = None
    prefix: str = ""
    suffix: str = ""
    on_error: OnError | None = None

    def matches(self, bucket: str, key: str) -> bool:
        """Whether an object is one of those that the rule is about."""
        here = self.bucket is None or self.bucket == bucket
        return here and key.startswith(self.prefix) and key.endswith(self.suffix)


@dataclasses.dataclass(frozen=True)
class Decision:
    """What becomes of one object. `number` is that of the rule, from 1, or None without one."""

    action: Action
    number: int | None = None
    on_error: OnError | None = None

    @property
    def ignored(self) -> bool:
        """Whether the object is left alone."""
        return self.action is Action.IGNORE

    @property
    def reason(self) -> str:
        """The rule, for logs and operators."""
        if self.number is not None:
            return f"rule {self.number}"
        return "a marker of 0 bytes" if self.ignored else "no rule"


@dataclasses.dataclass(frozen=True)
class Rules:
    """The rules in force, in order. Without any, markers alone are ignored."""

    listed: tuple[Rule, ...] = ()

    def decide(self, bucket: str, key: str, *, size: int | None = None) -> Decision:
        """Returns what becomes of an object of `size` bytes; None where that is not known yet."""
        if size == 0 and is_marker(key):
            return Decision(Action.IGNORE)
        for number, rule in enumerate(self.listed, 1):
            if rule.matches(bucket, key):
                return Decision(rule.action, number, rule.on_error)
        return Decision(Action.IMPORT)


def is_marker(key: str) -> bool:
    """Whether an object of this key is a folder or job marker, if it has 0 bytes.

    Sources: Hadoop's FileOutputCommitter (`_SUCCESS`, `_temporary`) and native S3 file system
    (`_$folder$`), Databricks' transactional commits (`_committed_`, `_started_`), and the S3
    console's "create folder" (`…/`).
    """
    *folders, name = key.split("/")
    return (
        not name
        or name in _MARKER_NAMES
        or name.startswith(_MARKER_PREFIXES)
        or name.endswith(_MARKER_SUFFIX)
        or _TEMPORARY_FOLDER in folders
    )
