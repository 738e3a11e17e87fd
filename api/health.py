"""GET /health/live and /health/ready: for whoever starts, stops and routes to the API's processes.

Live means that the process runs; it depends on nothing, for restarting the API fixes neither the
database nor the queue. `schemas/metrics_server.py` answers it too, where no search is in the way.

Ready means that it can serve something: notifications need no database, and a search without one
gets a 503 of ours. So a process stays ready once the database was reached, and is not before: a
release with a wrong database must not replace pods that serve.
"""

from typing import Final

from flask import Response
from marshmallow import Schema, fields

from api.answers import answer
from api.database_watch import DatabaseStatus
from api.document import Blueprint
from api.errors import DatabaseUnavailableError
from api.services import services

_NEVER_REACHED: Final = {
    DatabaseStatus.UNAVAILABLE: "The database does not answer, and has not since the API started.",
    DatabaseStatus.NOT_MIGRATED: "The database has no tables yet, or the API may not read them.",
}

blueprint = Blueprint("health", __name__, description="For probes.")


class LiveSchema(Schema):
    """The answer to a liveness probe."""

    status = fields.String(required=True, metadata={"example": "live"})


class ReadySchema(Schema):
    """The answer to a readiness probe of an API that serves, with or without its database."""

    status = fields.String(required=True, metadata={"example": "ready"})
    database = fields.Enum(
        DatabaseStatus,
        by_value=True,
        required=True,
        metadata={"description": "As of a second ago.", "example": DatabaseStatus.AVAILABLE},
    )


@blueprint.route("/health/live")
@blueprint.answers(200, LiveSchema, description="The process serves requests.")
def tell_live() -> Response:
    """Tell whether the process is alive"""
    return answer({"status": "live"})


@blueprint.route("/health/ready")
@blueprint.answers(
    200,
    ReadySchema,
    description="The API serves: it has reached its database since it started. "
    "`database` is how that is now; without it, searches are answered with 503.",
)
@blueprint.problems(503)
def tell_ready() -> Response:
    """Tell whether the process can serve something, and how the database is"""
    watch = services().watch
    status = watch.look()
    if not watch.reached:
        raise DatabaseUnavailableError(_NEVER_REACHED[status])
    return answer({"status": "ready", "database": status})
