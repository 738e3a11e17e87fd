"""Every SELECT of the API. Nothing here writes, and the database would refuse it.

`movies` is the search. What it asks for is in `filters`, where on the list its page lies in
`places`, and how Postgres is made to find it in milliseconds in `ways`; `facets` and `suggestions`
go beside it. `ledger` shows the imports, and `activity` their numbers. `words` is for the pages.
"""

from api.queries.activity import Activity, count_activity
from api.queries.facets import Facets, count_facets
from api.queries.ledger import (
    data_version,
    find_import,
    list_actions,
    list_bad_records,
    list_imports,
)
from api.queries.movies import find_movie, is_migrated, search_movies
from api.queries.rows import Page, Total
from api.queries.suggestions import Suggestion, suggest
from api.queries.words import fold_characters, list_genres

__all__ = [
    "Activity",
    "Facets",
    "Page",
    "Suggestion",
    "Total",
    "count_activity",
    "count_facets",
    "data_version",
    "find_import",
    "find_movie",
    "fold_characters",
    "is_migrated",
    "list_actions",
    "list_bad_records",
    "list_genres",
    "list_imports",
    "search_movies",
    "suggest",
]
