"""Markup in whatever a supplier, a client or an operator may write: pages show it as text."""

import html
from urllib.parse import quote

from local.database import Dsns
from tests.calling import AS_OPERATOR, make_api
from tests.rows import make_action, make_bad_record, make_import, make_movies

MARKUP = """<script>alert(1)</script>"><img src=x onerror='alert(2)' hx-get=/>"""


def test_markup_is_shown_and_not_run(database: Dsns) -> None:
    movie = {"title": MARKUP, "year": 2004, "cast": [MARKUP], "genres": [MARKUP]}
    make_movies(database.admin, [movie])
    made = make_import(
        database.admin,
        key=MARKUP,
        status="failed",
        error_code="bad_records",
        error=MARKUP,
        read=1,
        rejected=1,
        bad_records=1,
    )
    fault = {"field": MARKUP, "message": MARKUP}
    make_bad_record(database.admin, made, 1, raw=MARKUP, faults=[fault])
    make_action(database.admin, made, "retry", actor=MARKUP, reason=MARKUP)
    client = make_api(database.api).test_client()
    term = quote(MARKUP)
    for path in (
        "/",
        f"/?title={term}",
        f"/?actor={term}&genre={term}&sort={term}",
        f"/ui/search?title={term}",
        "/ui/facets",
        f"/?{term}={term}",
        "/ui/imports",
        f"/ui/imports?prefix={term}",
        f"/ui/imports/{made}",
        f"/ui/imports/{made}/errors",
        f"/ui/imports/{term}",
    ):
        page = client.get(path, headers=AS_OPERATOR).text
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert html.escape("<script>alert(1)") in page or path.endswith(f"/{term}"), path
