"""The tables, as SQLAlchemy Core. The migrations make them; a test holds the two together.

Who writes what: the worker writes them all, the API reads them. Nobody deletes from `imports`,
and that is why `movies.import_id` and `claims.import_id` need no foreign key, which would be
checked for every row of a large file.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas.imports import ActionKind, ErrorCode, ImportStatus, OnError

metadata: Final = sa.MetaData()

_TEXTS = pg.ARRAY(sa.Text)
_NO_TEXTS = sa.text("'{}'")
_NOTHING = sa.text("'{}'::jsonb")


# What a list sorted by title is sorted by: the index is on just this expression.
TITLE_KEY: Final = "substr(mru_fold(title), 1, 500)"


def _folded(name: str, expression: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), sa.Computed(expression, persisted=True))


def _one_of(column: str, values: type[ImportStatus | OnError | ErrorCode | ActionKind]) -> str:
    allowed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({allowed})"


# The current state of every movie. The folded columns are what searches look at: no case, no
# accents, signs as capitals, an X between two names; they stand where Postgres reaches them without
# reading past other texts. In order of title, titles are told apart by their first 500 characters,
# for the entries of such an index are bounded.
movies: Final = sa.Table(
    "movies",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("import_id", sa.Uuid, nullable=False),  # whose content stands here
    sa.Column("year", sa.SmallInteger, nullable=False),
    _folded("title_folded", "mru_search_text(title)"),
    _folded("cast_folded", 'mru_search_names("cast")'),
    sa.Column("title", sa.Text(collation="C"), nullable=False),
    sa.Column("cast", _TEXTS, nullable=False, server_default=_NO_TEXTS),
    sa.Column("genres", _TEXTS, nullable=False, server_default=_NO_TEXTS),
    sa.Index("movies_by_year", sa.text("year DESC"), sa.text("id DESC")),
    sa.Index("movies_by_title", sa.text(f"({TITLE_KEY})"), "id"),
    sa.Index("movies_genres", "genres", postgresql_using="gin"),
    sa.Index(
        "movies_title_trigrams",
        "title_folded",
        postgresql_using="gin",
        postgresql_ops={"title_folded": "gin_trgm_ops"},
    ),
    sa.Index(
        "movies_cast_trigrams",
        "cast_folded",
        postgresql_using="gin",
        postgresql_ops={"cast_folded": "gin_trgm_ops"},
    ),
)

# Every genre that ever came, a few dozen: a substring is looked up here, not in the movies.
genres: Final = sa.Table(
    "genres",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _folded("name_folded", "mru_search_text(name)"),
)

# One row: a number that each import changes as the last thing before it commits.
data_version: Final = sa.Table(
    "data_version",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("only_row", name="data_version_only_row_check"),
)

# The other imports that contained a movie, beside the one whose content stands in `movies`. A file
# that says again what is known leaves the movie as it is and says so here, so that a file between
# the two in time, arriving later, is known to be stale.
claims: Final = sa.Table(
    "claims",
    metadata,
    sa.Column("movie_id", sa.Uuid, primary_key=True),
    sa.Column("import_id", sa.Uuid, primary_key=True),
)

# The ledger: one row for each object version that was ever announced.
imports: Final = sa.Table(
    "imports",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("bucket", sa.Text(collation="C"), nullable=False),
    sa.Column("key", sa.Text(collation="C"), nullable=False),
    sa.Column("version_id", sa.Text(collation="C"), nullable=False, server_default=""),
    sa.Column("etag", sa.Text),
    sa.Column("size", sa.BigInteger),
    sa.Column("sequencer", sa.Text(collation="C"), nullable=False, server_default=""),
    sa.Column("last_modified", sa.DateTime(timezone=True)),
    sa.Column("event_time", sa.DateTime(timezone=True)),
    sa.Column("request_id", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("on_error", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="1"),
    sa.Column("read", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("inserted", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("updated", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unchanged", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("stale", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("repeated", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rejected", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bad_records", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("records_so_far", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bytes_so_far", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("ignored_fields", pg.JSONB, nullable=False, server_default=_NOTHING),
    sa.Column("error_code", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("timings", pg.JSONB, nullable=False, server_default=_NOTHING),
    sa.Column("retried_by", sa.Text),
    sa.Column("retry_reason", sa.Text),
    sa.Column(
        "first_seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    ),
    sa.Column(
        "started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    ),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint(
        "read = inserted + updated + unchanged + stale + repeated + rejected",
        name="every_record_is_accounted_for",
    ),
    sa.CheckConstraint("bad_records <= rejected", name="bad_records_are_rejected"),
    sa.CheckConstraint(_one_of("status", ImportStatus), name="status_is_known"),
    sa.CheckConstraint(_one_of("on_error", OnError), name="on_error_is_known"),
    sa.CheckConstraint(_one_of("error_code", ErrorCode), name="error_code_is_known"),
    sa.CheckConstraint("status <> 'failed' OR error_code IS NOT NULL", name="failures_say_why"),
    sa.CheckConstraint(
        "(status IN ('queued', 'running')) = (finished_at IS NULL)", name="ends_are_timed"
    ),
    # One object version, one import. What S3 did not name (a missing object) has no such identity.
    sa.Index(
        "imports_by_object_version",
        "bucket",
        "key",
        "version_id",
        "etag",
        "last_modified",
        unique=True,
        postgresql_where=sa.text("etag IS NOT NULL AND last_modified IS NOT NULL"),
    ),
    # For the good version of a file that does away with the failures of those before it.
    sa.Index("imports_failed", "bucket", "key", postgresql_where=sa.text("status = 'failed'")),
    sa.Index("imports_by_time", sa.text("started_at DESC"), sa.text("id DESC")),
    # For whoever looks at what is under way, again and again.
    sa.Index(
        "imports_under_way",
        "started_at",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    ),
)

# The bad records of an import, up to a cap; `imports.bad_records` has the true number.
import_errors: Final = sa.Table(
    "import_errors",
    metadata,
    sa.Column("import_id", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),  # 1 is the first record of the file
    sa.Column("faults", pg.JSONB, nullable=False),  # [{"field": ..., "message": ...}]
    sa.Column("raw", sa.Text, nullable=False),  # as it stood in the file, cut to a bound
)

# Other ids under which an import was announced: two notifications that meant one object version.
import_aliases: Final = sa.Table(
    "import_aliases",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("import_id", sa.Uuid, nullable=False),
)

# What operators did to imports, and why: a row for each time, never changed.
import_actions: Final = sa.Table(
    "import_actions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("import_id", sa.Uuid, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint(_one_of("action", ActionKind), name="action_is_known"),
    sa.Index("import_actions_by_import", "import_id", "id"),
)
