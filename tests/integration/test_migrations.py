"""The migrations, run on a real Postgres, against the tables that the code believes in."""

import psycopg2
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from local.database import Dsns
from schemas.tables import metadata
from worker.migrate import migrate


def engine_of(dsn: str) -> sa.Engine:
    return sa.create_engine(
        sa.make_url(dsn).set(drivername="postgresql+psycopg2"), poolclass=sa.NullPool
    )


def test_the_migrated_database_has_the_tables_of_the_code(database: Dsns) -> None:
    with engine_of(database.migrator).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": False}
        )
        assert compare_metadata(context, metadata) == []


def test_constraints_of_the_code_and_of_the_database_are_the_same(database: Dsns) -> None:
    """Compared by what Postgres makes of them: the code's are given to a table of their own."""
    imports = metadata.tables["imports"].to_metadata(sa.MetaData(), name="imports_by_the_code")
    imports.indexes.clear()
    with engine_of(database.migrator).connect() as connection:
        imports.create(connection)
        found = [
            {
                check["name"]: check["sqltext"]
                for check in sa.inspect(connection).get_check_constraints(name)
            }
            for name in ("imports", imports.name)
        ]
    assert found[0] == found[1] != {}


def test_migrating_twice_changes_nothing(database: Dsns) -> None:
    migrate(database.migrator)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Amélie", "amelie"),
        ("AMÉLIE", "amelie"),
        ("Ame\u0301lie", "amelie"),
        ("Weiß", "weiss"),
        ("Żółw", "zolw"),
        ("Ёлки", "елки"),
        ("ΠΟΛΙΤΙΚΉ", "πολιτικη"),
        ("plain", "plain"),
    ],
)
def test_folding_takes_away_case_and_accents(database: Dsns, text: str, folded: str) -> None:
    with psycopg2.connect(database.api) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT mru_fold(%s)", (text,))
        (found,) = cursor.fetchone()
    connection.close()
    assert found == folded


@pytest.mark.parametrize("term", ["100%", "a_b", "back\\slash", "100\uff05"])
def test_a_pattern_finds_its_own_term_and_not_what_wildcards_would(
    database: Dsns, term: str
) -> None:
    with psycopg2.connect(database.api) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT mru_fold(%s) LIKE mru_like(%s), mru_fold('100x aXb backXslash') LIKE"
            " mru_like(%s)",
            (f"before {term} after", term, term),
        )
        assert cursor.fetchone() == (True, False)
    connection.close()
