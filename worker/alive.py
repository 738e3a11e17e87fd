"""Whether the worker beside this process is well: `python -m worker.alive`, for a probe.

It is as long as it asks its queue. That is the age of the heartbeat file; a process that runs and
has stopped asking is no use, and neither the database nor SQS is asked about it.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

from schemas.settings import Environment, SettingError, exit_naming

# An empty poll takes 10 seconds. While SQS is away the worker asks every 15, and none of that
# counts: to restart it would mend nothing, but does no harm either.
MAX_AGE_SECONDS: Final = 180


def age_seconds(file: Path) -> float | None:
    """Returns how long ago the file was touched, or None where there is none."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return None


def main() -> int:
    """Returns 0 for a worker that is well, and 1, with the reason, for any other.

    Ends the process with 2 where it is not told which file to look at.
    """
    try:
        file = Path(Environment(os.environ).text("MRU_HEARTBEAT_FILE"))
    except SettingError as error:
        exit_naming(error)
    age = age_seconds(file)
    if age is None:
        sys.stderr.write(f"{file} is not there: the queue was not asked yet.\n")
        return 1
    if age > MAX_AGE_SECONDS:
        sys.stderr.write(f"The queue was last asked {age:.0f} seconds ago.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
