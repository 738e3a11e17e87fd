"""What the local stack tells its processes: its own settings win over those of the caller."""

from dataclasses import fields
from pathlib import Path

from local.addresses import Addresses
from local.rooms import Rooms
from local.settings import StackSettings, overrule
from schemas.settings import Environment


def test_a_secret_is_never_passed_on_in_both_ways() -> None:
    given = {"MRU_DB_PASS_FILE": "/a", "MRU_NOTIFICATION_SECRET": "b", "MRU_ON_ERROR": "continue"}
    told = {"MRU_DB_PASS": "c", "MRU_NOTIFICATION_SECRET_FILE": "/d"}
    assert overrule(given, told) == {"MRU_ON_ERROR": "continue", **told}
    assert overrule({"MRU_DB_PASS": "a"}, {"MRU_DB_PASS": "b"}) == {"MRU_DB_PASS": "b"}


def test_psql_finds_the_stack_without_a_password_on_its_command_line() -> None:
    texts = {field.name: "text" for field in fields(Addresses)}
    url = "postgresql://postgres:p%40ss@127.0.0.1:5433/movies"
    given = {**texts, "database": url, "secret_file": Path("/secret")}
    written = Addresses(**given).environment()  # type: ignore[arg-type]  # one of them is a path
    assert {name: value for name, value in written.items() if name.startswith("PG")} == {
        "PGHOST": "127.0.0.1",
        "PGPORT": "5433",
        "PGUSER": "postgres",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "movies",
    }


def test_a_trial_shows_imports_and_their_invalid_records_unless_told_otherwise() -> None:
    def told(**environ: str) -> dict[str, str]:
        nowhere = Path("/nowhere")
        settings = StackSettings.read(Environment({}))
        rooms = Rooms(
            settings=settings, environ=environ, secret_file=nowhere, heartbeat_file=nowhere
        )
        return rooms.environment("http://127.0.0.1:1", "http://127.0.0.1:1/queue", {})

    assert told()["MRU_IMPORTS_VISIBILITY"] == "public"
    assert told()["MRU_SHOW_INVALID_RECORDS"] == "true"
    assert told(MRU_IMPORTS_VISIBILITY="off")["MRU_IMPORTS_VISIBILITY"] == "off"
