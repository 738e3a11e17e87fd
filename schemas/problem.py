"""The one shape of an error over HTTP: problem details, RFC 9457."""

from typing import Any, Final

from marshmallow import Schema, fields

PROBLEM_CONTENT_TYPE: Final = "application/problem+json"


class FaultSchema(Schema):
    """One thing that is wrong with a request."""

    field = fields.String(required=True, metadata={"example": "year", "description": "Where."})
    message = fields.String(required=True, metadata={"example": "Must be a whole number."})


class ProblemSchema(Schema):
    """An error document. `errors` is there when single fields or parameters are at fault."""

    type = fields.String(required=True, metadata={"example": "about:blank"})
    title = fields.String(required=True, metadata={"example": "Unprocessable Entity"})
    status = fields.Integer(required=True, metadata={"example": 422})
    detail = fields.String(metadata={"example": "The request names 1 thing that is not right."})
    instance = fields.String(
        metadata={
            "description": "The request's id, as in X-Request-ID.",
            "example": "6a0f4c1e-52a4-4b0e-9a55-0f6b3f3a7c11",
        }
    )
    errors = fields.List(fields.Nested(FaultSchema))


def problem(
    status: int,
    title: str,
    *,
    detail: str | None = None,
    instance: str | None = None,
    errors: list[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Builds a problem document. `errors` are (field, message) pairs."""
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        document["detail"] = detail
    if instance:
        document["instance"] = instance
    if errors:
        document["errors"] = [{"field": field, "message": message} for field, message in errors]
    return document
