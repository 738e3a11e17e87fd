"""GET /imports, /imports/{id} and /imports/{id}/errors: what became of each file."""

import uuid
from typing import Any, Final

from flask import Response, request

from api import queries
from api.answers import answer, link_header
from api.audience import redact_action, redact_import, redact_invalid_record
from api.components import FOR_OPERATORS
from api.document import Blueprint
from api.errors import NotSeenYetError
from api.listing import BadRecordSchema, BadRecordsSearchSchema, LedgerSearchSchema
from api.parameters import read_pairs
from api.services import services
from schemas.imports import ImportSchema, ImportWithActionsSchema

blueprint = Blueprint("imports", __name__, description="The ledger: each file, and its end.")

_imports = ImportSchema()
_import = ImportWithActionsSchema()

_IMPORT_ID: Final = {
    "in": "path",
    "name": "import_id",
    "description": "The id that was given when the object was announced.",
    "example": _imports.fields["id"].metadata["example"],
}


def _link(operation: str) -> dict[str, Any]:
    parameters = {"import_id": "$response.body#/0/id"}
    return {"description": "Of the first.", "operationId": operation, "parameters": parameters}


@blueprint.route("/imports")
@blueprint.query(LedgerSearchSchema)
@blueprint.answers(
    200,
    ImportSchema(many=True),
    description="A page of imports, the newest first.",
    headers=("Link",),
    links={"import": _link("showImport"), "errors": _link("listBadRecords")},
)
@blueprint.problems(401, 403, 404, 503)
@blueprint.documents(security=FOR_OPERATORS)
def list_imports(query: dict[str, Any]) -> Response:
    """List imports, the newest first

    Who may see imports is a setting of the API: everybody, operators, or nobody. The names of
    operators and their reasons are for operators alone, and null for everybody else.
    """
    page = services().database.ask(lambda connection: queries.list_imports(connection, query))
    rows = [redact_import(row) for row in page.rows]
    return answer(_imports.dump(rows, many=True), headers=_links("cursor", page))


@blueprint.route("/imports/<uuid:import_id>", parameters=[_IMPORT_ID])
@blueprint.answers(200, ImportWithActionsSchema, description="The import.")
@blueprint.problems(401, 403, 404, 503)
@blueprint.documents(security=FOR_OPERATORS)
def show_import(import_id: uuid.UUID) -> Response:
    """Show one import, and what operators did to it

    Where two notifications meant the same object version there is one import, and it is found by
    the id of either.
    """
    found = _find(import_id)
    actions = services().database.ask(
        lambda connection: queries.list_actions(connection, found["id"])
    )
    shown = {**redact_import(found), "actions": [redact_action(action) for action in actions]}
    return answer(_import.dump(shown))


@blueprint.route("/imports/<uuid:import_id>/errors", parameters=[_IMPORT_ID])
@blueprint.query(BadRecordsSearchSchema)
@blueprint.answers(
    200, BadRecordSchema(many=True), description="A page of bad records.", headers=("Link",)
)
@blueprint.problems(401, 403, 404, 503)
@blueprint.documents(security=FOR_OPERATORS)
def list_bad_records(import_id: uuid.UUID, query: dict[str, Any]) -> Response:
    """List the bad records of an import, in the file's order

    A bounded number of them is kept; the import's `bad_records` is the true one. Their own text,
    `raw`, is null where the API shows it to operators alone.
    """
    found = _find(import_id)
    page = services().database.ask(
        lambda connection: queries.list_bad_records(connection, found["id"], **query)
    )
    rows = [redact_invalid_record(row) for row in page.rows]
    return answer(rows, headers=_links("after", page))


def _find(import_id: uuid.UUID) -> dict[str, Any]:
    found = services().database.ask(lambda connection: queries.find_import(connection, import_id))
    if found is None:
        raise NotSeenYetError(
            f"No worker has seen an import with the id {import_id} yet. "
            "If its notification was accepted a moment ago, ask again. "
            "There never is one of an object that a rule ignores."
        )
    return found


def _links(pager: str, page: queries.Page) -> dict[str, str]:
    pairs = read_pairs(request.query_string)
    following = (pager, page.following) if page.following is not None else None
    return link_header(request.path, pairs, pagers={pager}, places={"next": following})
