"""A container that is told to end while it starts ends at once, and not at SIGKILL.

Linux drops SIGTERM for a process 1 that has no handler, and Python needs a second or more for
its own; so process 1 is tini in both images.
"""

import time

import pytest

from tests.images.docker import container
from tests.images.stack import PROJECT, Stack

TIMES = 6
WITHIN_SECONDS = 2.0
# Ended by the signal before a handler was there, or by the handler.
ENDED = {0, 143}


@pytest.mark.parametrize("component", ["api", "worker"])
@pytest.mark.parametrize("after_seconds", [0.1, 0.3, 1.0, 3.0])
def test_a_container_that_is_told_to_end_ends_within_two_seconds(
    stack: Stack, images: dict[str, str], component: str, after_seconds: float
) -> None:
    told = stack.containers(component)[0].variables()
    network = ("--network", f"{PROJECT}_default")
    ends = []
    for _ in range(TIMES):
        with container(images[component], options=network, env=told) as started:
            time.sleep(after_seconds)  # how long after its start is what this is about
            ends.append(started.terminate())
    slowest = max(seconds for _, seconds in ends)
    print(f"\n{component}, SIGTERM after {after_seconds} s: ended within {slowest:.2f} s")
    assert {code for code, _ in ends} <= ENDED
    assert slowest < WITHIN_SECONDS
