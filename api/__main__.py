"""Runs the API under gunicorn: `python -m api`, with options of gunicorn's where there are any."""

import os
import sys
from pathlib import Path
from typing import Final

from schemas.settings import Environment, SettingError, exit_naming

_CONFIGURATION: Final = Path(__file__).with_name("gunicorn_conf.py")


def main() -> None:
    """Serves until a signal ends it. A wrong setting is one line, and exit code 2."""
    try:
        # gunicorn reads this one by itself, as it is imported, and would end with a traceback.
        Environment(os.environ).integer("WEB_CONCURRENCY", 1, minimum=1, maximum=64)
    except SettingError as error:
        exit_naming(error)
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415  not before the check above

    sys.argv = ["gunicorn", "--config", str(_CONFIGURATION), *sys.argv[1:], "api.wsgi:create()"]
    run()


if __name__ == "__main__":
    main()
