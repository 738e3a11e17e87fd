"""Stops what a supervisor started, once the supervisor is gone, however it went: even by SIGKILL.

The supervisor runs this file by itself (standard library only) and writes to its standard input
which process groups live. When that pipe ends, whatever still lives is stopped. Unlike a signal on
the parent's death, this reaches grandchildren too, and is not only for Linux.
"""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final

_POLL_SECONDS: Final = 0.05


@dataclasses.dataclass(frozen=True)
class Group:
    """A process group by its leader, the signal that stops it, and how long that may take."""

    leader: int
    stop_signal: int
    grace_seconds: float

    def watch_line(self) -> str:
        """Returns what a supervisor writes when this group has started."""
        return f"watch {self.leader} {int(self.stop_signal)} {self.grace_seconds}\n"

    def forget_line(self) -> str:
        """Returns what a supervisor writes when this group is gone."""
        return f"forget {self.leader}\n"


def main() -> None:
    """Reads lines until the supervisor is gone, then stops what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a Ctrl-C is for the supervisor
    left = read_groups(sys.stdin)
    stop_groups(list(reversed(left)))


def read_groups(lines: Iterable[str]) -> list[Group]:
    """Returns the groups that are watched and not forgotten when the lines end, oldest first."""
    groups: dict[int, Group] = {}
    for line in lines:
        match line.split():
            case ["watch", leader, number, grace]:
                groups[int(leader)] = Group(int(leader), int(number), float(grace))
            case ["forget", leader]:
                groups.pop(int(leader), None)
    return list(groups.values())


def stop_groups(groups: list[Group]) -> None:
    """Asks every leader to stop, waits, and kills what is left of its group."""
    started = time.monotonic()
    for group in groups:
        # The leader alone: it knows how to end its own children, and some of them die of a signal
        # in the middle of their work.
        _send(os.kill, group.leader, group.stop_signal)
    living = groups
    while living:
        living = [group for group in living if _lives(group)]
        for group in living:
            if time.monotonic() - started > group.grace_seconds:
                _send(os.killpg, group.leader, signal.SIGKILL)
                living = [other for other in living if other is not group]
        time.sleep(_POLL_SECONDS)


def _lives(group: Group) -> bool:
    return _send(os.killpg, group.leader, 0)


def _send(send: Callable[[int, int], None], process: int, number: int) -> bool:
    """Returns whether there was anything to send the signal to."""
    try:
        send(process, number)
    except (ProcessLookupError, PermissionError):  # gone; or its number is another's by now
        return False
    return True


if __name__ == "__main__":
    main()
