"""GET and POST /ui/operator: where an operator shows a token once and gets a cookie for it."""

import time
from typing import Final

from flask import Response, request

from api.audience import is_operator, operators, require_sign_in
from api.errors import UnauthorizedError
from api.operators import COOKIE, SESSION_SECONDS
from api.pages import rendering
from api.protection import by_https

TOKEN_MAX_CHARACTERS: Final = 1_000
_BODY_MAX_BYTES: Final = 8 * 1024
_ROOT: Final = "../"


def show_page() -> Response:
    """Shows the form, or to an operator the way out. Raises ApiError."""
    require_sign_in()
    return _show(signed_in=is_operator())


def sign_in() -> Response:
    """Answers a token with a cookie, or ends a session. Raises ApiError."""
    require_sign_in()
    request.max_content_length = _BODY_MAX_BYTES
    if "sign_out" in request.form:
        return _with_cookie(_redirect("operator"), "", max_age=0)
    if not operators().know_token(request.form.get("token", "").strip()):
        return ask_to_sign_in("This is no operator's token.")
    session = operators().make_session(now=time.time())
    return _with_cookie(_redirect("imports"), session, max_age=SESSION_SECONDS)


def ask_to_sign_in(wrong: str = "", root: str = _ROOT) -> Response:
    """Shows the form in place of what only operators may see."""
    answer = _show(signed_in=False, wrong=wrong, root=root)
    answer.status_code = UnauthorizedError.status
    answer.headers.update(UnauthorizedError.headers)
    # A part of a page is asked for by a page whose session has ended: it is to be loaded anew.
    answer.headers["HX-Refresh"] = "true"
    return answer


def _redirect(address: str) -> Response:
    # Relative, as all addresses of pages are.
    return Response(status=303, headers={"Location": address})


def _show(*, signed_in: bool, wrong: str = "", root: str = _ROOT) -> Response:
    values = {"signed_in": signed_in, "wrong": wrong, "longest": TOKEN_MAX_CHARACTERS}
    return rendering.show("operator.html", {"root": root, **values})


def _with_cookie(answer: Response, value: str, *, max_age: int) -> Response:
    answer.set_cookie(
        COOKIE, value, max_age=max_age, httponly=True, samesite="Strict", secure=by_https(request)
    )
    return answer
