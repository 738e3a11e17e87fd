"""Who asks, and what of the imports they may see: `MRU_IMPORTS_VISIBILITY` in one place.

Operators' names and reasons are for operators alone, whatever the setting. So is the text of
invalid records, unless `MRU_SHOW_INVALID_RECORDS` is true.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, g, request

from api.errors import ForbiddenError, NotFoundError, UnauthorizedError
from api.operators import COOKIE, Operators
from api.services import services
from api.settings import Visibility
from schemas.imports import ImportStatus

_IMPORTS: Final = ("/imports", "/ui/imports")
_BEARER: Final = "bearer"
_UNDONE: Final = "Undone by an operator."


def guard_imports(app: Flask) -> None:
    """Asks of each request for imports, under whichever route, whether its sender may see them."""
    app.before_request(_guard)


def is_operator() -> bool:
    """Whether the present request comes from an operator. Raises UnauthorizedError."""
    if "operator" not in g:
        g.operator = _is_operator()
    known: bool = g.operator
    return known


def sees_imports() -> bool:
    """Whether the imports are there for the sender of the present request."""
    match services().settings.imports_visibility:
        case Visibility.PUBLIC:
            return True
        case Visibility.OPERATORS:
            return _is_proven()
        case _:
            return False


def operators() -> Operators:
    """Returns those who may prove that they are operators."""
    return Operators(services().settings.operator_tokens)


def require_sign_in() -> None:
    """Raises NotFoundError or ForbiddenError where no operator can sign in."""
    _require_imports()
    if not services().settings.operator_tokens:
        raise ForbiddenError("Operators cannot sign in: this API has no operator token.")


def redact_import(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an import as the sender of the present request may see it."""
    if is_operator():
        return dict(row)
    hidden: dict[str, Any] = {"retried_by": None, "retry_reason": None}
    if row["status"] is ImportStatus.UNDONE:
        # Earlier releases wrote the operator's name and reason here.
        hidden["error"] = _UNDONE
    return {**row, **hidden}


def redact_action(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an operator's action as the sender of the present request may see it."""
    return dict(row) if is_operator() else {**row, "actor": None, "reason": None}


def redact_invalid_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an invalid record as the sender of the present request may see it."""
    shown = services().settings.show_invalid_records or is_operator()
    return dict(row) if shown else {**row, "raw": None}


def _guard() -> None:
    if request.url_rule is None or not _is_of_imports(request.url_rule.rule):
        return
    _require_imports()
    if is_operator() or services().settings.imports_visibility is Visibility.PUBLIC:
        return
    require_sign_in()
    raise UnauthorizedError("Imports are for operators: send an operator's token.")


def _require_imports() -> None:
    if services().settings.imports_visibility is Visibility.OFF:
        raise NotFoundError("This API does not show imports.")


def _is_of_imports(rule: str) -> bool:
    return any(rule == path or rule.startswith(f"{path}/") for path in _IMPORTS)


def _is_operator() -> bool:
    proven = _is_proven()
    if not proven and _given_token() is not None and services().settings.operator_tokens:
        raise UnauthorizedError("This is no operator's token.")
    return proven


def _is_proven() -> bool:
    token = _given_token()
    if token is not None:
        return operators().know_token(token)
    cookie = request.cookies.get(COOKIE)
    return cookie is not None and operators().know_session(cookie, now=time.time())


def _given_token() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == _BEARER else None
