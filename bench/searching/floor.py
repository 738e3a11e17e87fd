"""The floor: a Flask view that answers every request with the same bytes and the same headers.

gunicorn runs it as it runs the API; nothing is read, searched, counted or logged.
"""

import json
import os
from pathlib import Path
from typing import Final

from flask import Flask, Response

ANSWER_FILE: Final = "BENCH_ANSWER"  # the variable that names it


def create() -> Flask:
    """Makes the application; BENCH_ANSWER names a file with the headers and the body, as JSON."""
    constant = json.loads(Path(os.environ[ANSWER_FILE]).read_text(encoding="utf-8"))
    headers: dict[str, str] = constant["headers"]
    body = constant["body"].encode()
    app = Flask("floor", static_folder=None)

    @app.get("/movies")
    def answer() -> Response:
        return Response(body, headers=headers)

    return app
