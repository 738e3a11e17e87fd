"""What becomes of statements of each role: tests/integration/test_roles.py tries them."""

from enum import StrEnum
from typing import Final

SUPERUSER, MASTER = "superuser", "master"  # the two kinds of administrator


class End(StrEnum):
    """What becomes of a statement."""

    REFUSED = "refused"  # the role lacks a right, and cannot give itself one
    DEFAULT = "default"  # ended by a setting of the session, which the role can change
    ALLOWED = "allowed"


REFUSED, DEFAULT, ALLOWED = End.REFUSED, End.DEFAULT, End.ALLOWED

_BEYOND_EVERY_ROLE: Final = {
    "CREATE ROLE mine": REFUSED,
    "CREATE DATABASE mine": REFUSED,
    "SELECT rolpassword FROM pg_authid": REFUSED,
    "COPY (SELECT 1) TO PROGRAM 'id'": REFUSED,
    "COPY (SELECT 1) TO '/tmp/mine'": REFUSED,
    "SELECT pg_read_file('/etc/passwd')": REFUSED,
    "SELECT lo_import('/etc/passwd')": REFUSED,
    "ALTER SYSTEM SET work_mem = '1GB'": REFUSED,
    "SET temp_file_limit = -1": REFUSED,
}
_API: Final = _BEYOND_EVERY_ROLE | {
    "INSERT INTO movies DEFAULT VALUES": REFUSED,
    "UPDATE data_version SET version = 0": REFUSED,
    "DELETE FROM imports": REFUSED,
    "TRUNCATE movies": REFUSED,
    "SELECT id FROM movies FOR UPDATE": REFUSED,
    "SELECT * FROM alembic_version": REFUSED,
    "BEGIN; LOCK TABLE movies IN SHARE MODE": REFUSED,
    "CREATE TABLE mine (id integer)": REFUSED,
    "CREATE TEMPORARY TABLE mine (id integer)": REFUSED,
    "CREATE SCHEMA mine": REFUSED,
    "CREATE EXTENSION hstore": REFUSED,
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'": REFUSED,
    "DROP INDEX movies_title_trigrams": REFUSED,
    "SELECT mru_flush_search_indexes()": REFUSED,
    "SET ROLE mru_worker": REFUSED,
    "SET ROLE mru_migrator": REFUSED,
    "ALTER ROLE mru_worker PASSWORD 'mine'": REFUSED,
    "ALTER ROLE mru_api CONNECTION LIMIT -1": REFUSED,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mru_worker'": REFUSED,
    # The same password: what can be set to that can be set to any other.
    "ALTER ROLE mru_api PASSWORD 'a'": DEFAULT,
    "ALTER ROLE mru_api SET geqo = on": DEFAULT,
    "SELECT count(*) FROM movies": ALLOWED,
    "SET default_transaction_read_only = off": ALLOWED,
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
    " WHERE usename = 'mru_api' AND pid <> pg_backend_pid()": ALLOWED,
    "BEGIN; LOCK TABLE movies IN ACCESS SHARE MODE": ALLOWED,
    "SELECT pg_notify('anything', '')": ALLOWED,
}
_WORKER: Final = _BEYOND_EVERY_ROLE | {
    "TRUNCATE movies": REFUSED,
    "DELETE FROM imports": REFUSED,
    "DELETE FROM import_actions": REFUSED,
    "UPDATE import_actions SET actor = ''": REFUSED,
    "SELECT * FROM alembic_version": REFUSED,
    "CREATE TABLE mine (id integer)": REFUSED,
    "CREATE SCHEMA mine": REFUSED,
    "CREATE EXTENSION hstore": REFUSED,
    "ALTER TABLE movies ADD COLUMN mine text": REFUSED,
    "SET ROLE mru_migrator": REFUSED,
    "ALTER ROLE mru_api PASSWORD 'mine'": REFUSED,
    "ALTER ROLE mru_worker CONNECTION LIMIT -1": REFUSED,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mru_api'": REFUSED,
    "UPDATE movies SET title = title": ALLOWED,
    "CREATE TEMPORARY TABLE mine (id integer)": ALLOWED,
    "SELECT mru_flush_search_indexes()": ALLOWED,
    "SELECT pg_advisory_lock(1)": ALLOWED,
}
_MIGRATOR: Final = _BEYOND_EVERY_ROLE | {
    "SET ROLE mru_worker": REFUSED,
    "ALTER ROLE mru_api PASSWORD 'mine'": REFUSED,
    "ALTER ROLE mru_migrator CONNECTION LIMIT -1": REFUSED,
    "CREATE TABLE mine (id integer); DROP TABLE mine": ALLOWED,
    "SELECT pg_advisory_lock(1)": ALLOWED,
}
# Functions of Postgres' own: only a superuser can take them from everybody.
_WITHHELD: Final = {
    "api": {
        "SELECT lo_create(0)": DEFAULT,
        "SELECT lo_from_bytea(0, 'mine')": DEFAULT,
        "SELECT pg_advisory_lock(7106115002)": ALLOWED,
        "SELECT pg_try_advisory_xact_lock_shared(1)": ALLOWED,
    },
    "worker": {"SELECT lo_create(0)": ALLOWED},
    "migrator": {"SELECT lo_create(0)": ALLOWED},
}


def rights_of(role: str, administrator: str) -> dict[str, End]:
    """Returns what becomes of statements of a role, where an administrator prepared the server."""
    withheld = _WITHHELD[role]
    if administrator == SUPERUSER:
        withheld = dict.fromkeys(withheld, REFUSED)
    return {"api": _API, "worker": _WORKER, "migrator": _MIGRATOR}[role] | withheld
