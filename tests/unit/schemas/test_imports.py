"""What the API says of an import is what the ledger keeps of it."""

import re
from enum import StrEnum
from typing import Any, Final

import pytest
import sqlalchemy as sa
from marshmallow import fields
from sqlalchemy.dialects import postgresql as pg

from schemas.imports import ActionSchema, ErrorCode, ImportSchema, ImportStatus, OnError
from schemas.tables import import_actions, imports

# Null for everybody but operators.
FOR_OPERATORS: Final = {"actor", "reason"}
# What the ledger keeps for itself.
INTERNAL_COLUMNS: Final = {
    "sequencer",  # only ever compared, padded, to order two versions of one key
    "request_id",  # for the log lines of the notifier, the API and the worker
}
# The ledger has '' where an object has no version, so that versions compare; the API has null.
NEVER_NULL_IN_THE_TABLE: Final = {"version_id"}

FIELD_OF_COLUMN: Final[dict[type[Any], type[Any]]] = {
    sa.Uuid: fields.UUID,
    sa.Text: fields.String,
    sa.Integer: fields.Integer,
    sa.BigInteger: fields.Integer,
    sa.DateTime: fields.AwareDateTime,
    pg.JSONB: fields.Dict,
}
ENUMERATIONS: Final[dict[str, type[StrEnum]]] = {
    "status": ImportStatus,
    "on_error": OnError,
    "error_code": ErrorCode,
}


def check(name: str) -> str:
    for constraint in imports.constraints:
        if isinstance(constraint, sa.CheckConstraint) and constraint.name == name:
            return str(constraint.sqltext)
    raise AssertionError(f"no check is named {name}")


def test_the_api_shows_every_column_but_the_internal_ones() -> None:
    columns = {column.name for column in imports.columns}
    assert columns >= INTERNAL_COLUMNS
    assert set(ImportSchema().fields) == columns - INTERNAL_COLUMNS


@pytest.mark.parametrize("name", ImportSchema().fields)
def test_a_field_may_be_null_exactly_where_its_column_may(name: str) -> None:
    nullable = imports.c[name].nullable or name in NEVER_NULL_IN_THE_TABLE
    assert ImportSchema().fields[name].allow_none == nullable


@pytest.mark.parametrize("name", ImportSchema().fields)
def test_a_field_has_the_type_of_its_column(name: str) -> None:
    field = ImportSchema().fields[name]
    if name in ENUMERATIONS:
        assert isinstance(field, fields.Enum)
        assert field.enum is ENUMERATIONS[name]
    else:
        assert isinstance(field, FIELD_OF_COLUMN[type(imports.c[name].type)])


@pytest.mark.parametrize("column", ENUMERATIONS)
def test_the_ledger_allows_exactly_the_members_of_the_enumeration(column: str) -> None:
    allowed = re.fullmatch(rf"{column} IN \((.*)\)", check(f"{column}_is_known"))
    assert allowed
    members = [member.value for member in ENUMERATIONS[column]]
    assert re.findall(r"'(\w+)'", allowed[1]) == members


def test_of_what_operators_did_all_is_shown_but_the_ids() -> None:
    columns = {column.name: column for column in import_actions.columns}
    assert set(ActionSchema().fields) == columns.keys() - {"id", "import_id"}
    for name, field in ActionSchema().fields.items():
        assert field.allow_none == (columns[name].nullable or name in FOR_OPERATORS)


def test_every_count_of_the_ledger_is_in_the_sum_that_it_has_to_keep() -> None:
    total, _, parts = check("every_record_is_accounted_for").partition(" = ")
    assert total == "read"
    assert parts.split(" + ") == [
        "inserted",
        "updated",
        "unchanged",
        "stale",
        "repeated",
        "rejected",
    ]
    assert set(parts.split(" + ")) < set(ImportSchema().fields)
