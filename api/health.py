"""GET /health/live and /health/ready: for whoever starts, stops and routes to the API's processes.

Live means that the process serves requests; it depends on nothing, for restarting the API mends
neither the database nor the queue. Ready means that it can answer searches.
"""

import queue
import threading
from typing import Final

from flask import Response
from marshmallow import Schema, fields

from api import queries
from api.answers import answer
from api.database import Database
from api.document import Blueprint
from api.errors import DatabaseUnavailableError
from api.services import services

# Kubernetes gives a probe one second unless told otherwise.
READY_WITHIN_SECONDS: Final = 0.9

blueprint = Blueprint("health", __name__, description="For probes.")


class HealthSchema(Schema):
    """The answer to a probe when all is well."""

    status = fields.String(required=True, metadata={"example": "ready"})


@blueprint.route("/health/live")
@blueprint.answers(200, HealthSchema, description="The process serves requests.")
def tell_live() -> Response:
    """Tell whether the process is alive"""
    return answer({"status": "live"})


@blueprint.route("/health/ready")
@blueprint.answers(200, HealthSchema, description="The database answers, and has its tables.")
@blueprint.problems(503)
def tell_ready() -> Response:
    """Tell whether searches can be answered"""
    if not _is_ready(services().database, READY_WITHIN_SECONDS):
        raise DatabaseUnavailableError("The database does not answer, or has no tables yet.")
    return answer({"status": "ready"})


def _is_ready(database: Database, seconds: float) -> bool:
    # The question is asked in a thread of its own: a database that has vanished takes longer to be
    # noticed than a probe waits. That thread ends with the time-outs of the connection.
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(database.ask(queries.is_migrated))
        except DatabaseUnavailableError:
            answers.put(False)

    threading.Thread(target=ask, name="readiness", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return False
