"""What can go wrong with an import, by what is to be done about it.

WorkerError
├── PermanentError        recorded in the ledger at once; the message is done with
│   ├── BadRecordsError   the file has bad records, and is refused as a whole
│   └── TooManyFaultsError  the same, before its end was read
├── SupersededError       the object was overwritten before it was read; recorded likewise
└── TransientError        time can mend it: the message goes back to the queue for a while
    ├── ServiceError      the worker asks the service itself before it receives more messages
    │   ├── DatabaseError     the database did not serve
    │   └── S3Error           S3 broke off
    │       └── UnopenedError     S3 did not hand the object out, so that nothing was read
    ├── TimedOutError     it took longer than it may; the second time, it is given up
    ├── ObjectBusyError   another worker has this very object in hand
    ├── LeaseLostError    the message may be another worker's by now; nothing was written
    └── FencedError       another worker has taken this import over; nothing was written

Beside them UnusableSettingError, which ends a command before it has done anything, and, while a
database is prepared, MigrationError and NoConnectionError.
"""

import traceback
from typing import Any, ClassVar, Final

import click
from sqlalchemy.exc import StatementError

from schemas.imports import ErrorCode

TOOK_LONGER: Final = "took longer than"


def one_line(error: BaseException) -> str:
    """Returns the first line of what an error says, without SQL.

    SQLAlchemy puts the statement and its parameters, which are records of a file, behind the words
    of the database; and these have their details, with values of the row, on lines of their own.
    """
    cause = error.orig if isinstance(error, StatementError) and error.orig else error
    return str(cause).strip().partition("\n")[0].rstrip()


def places_of(error: BaseException) -> str:
    """Returns a traceback of an error and of those behind it, without anything that they say.

    What they say may hold SQL with its parameters, or a text out of a file.
    """
    chain: list[BaseException] = []
    behind: BaseException | None = error
    while behind is not None and behind not in chain:  # one may be raised again from itself
        chain.append(behind)
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return "".join(
        "".join(traceback.format_tb(each.__traceback__)) + f"{type(each).__name__}\n"
        for each in chain
    )


class WorkerError(Exception):
    """The worker could not finish an import."""


class PermanentError(WorkerError):
    """The file cannot be imported as it is, however often it is tried."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadRecordsError(PermanentError):
    """Some records are bad, and the file is to be taken whole or not at all."""

    def __init__(self, bad: int, read: int) -> None:
        records = "record" if read == 1 else "records"
        verb = "is" if bad == 1 else "are"
        message = f"{bad} of {read} {records} {verb} bad; none was taken."
        super().__init__(ErrorCode.BAD_RECORDS, message)


class TooManyFaultsError(PermanentError):
    """So much is wrong with the records read so far that the rest of the file is not read."""

    def __init__(self, bad: int, read: int) -> None:
        records = f"{bad} of the first {read} records"
        message = f"{records} are invalid; none was taken, and the rest was not read."
        super().__init__(ErrorCode.BAD_RECORDS, message)


class SupersededError(WorkerError):
    """The object was overwritten before it could be read, and no version id names the old one."""


class TransientError(WorkerError):
    """Something outside failed in a way that passes: S3, the database, the network."""


class ServiceError(TransientError):
    """Something failed that every import needs. `service` is its name in the log."""

    service: ClassVar[str]


class DatabaseError(ServiceError):
    """The database did not answer, or did not do what it was asked."""

    service = "database"


class S3Error(ServiceError):
    """S3 broke off."""

    service = "s3"


class UnopenedError(S3Error):
    """S3 did not hand the object out, or did not answer."""


class TimedOutError(TransientError):
    """The import took longer than it may. `again`: so did the attempt before it."""

    def __init__(self, seconds: int, *, again: bool = False) -> None:
        attempts = "Each of two attempts" if again else "It"
        super().__init__(f"{attempts} {TOOK_LONGER} {seconds} seconds.")
        self.again = again

    def __reduce__(self) -> tuple[Any, ...]:
        return TransientError, self.args  # what the main process needs of it


class ObjectBusyError(TransientError):
    """Another worker is importing the same object at this moment.

    `hidden_until` is how long the message stays hidden, where this worker shall try it again by
    itself: on the monotonic clock.
    """

    hidden_until: float | None = None


class LeaseLostError(TransientError):
    """The message may be another worker's by now, and what was read so far was left unwritten."""


class FencedError(TransientError):
    """Another worker has taken this import over, because this one was thought to be lost."""


class UnusableSettingError(click.ClickException):
    """A setting is missing or wrong: Celery's commands show it as one line, and exit with 2."""

    exit_code = 2


class MigrationError(Exception):
    """The database cannot be brought to this version; the message says why."""


class NoConnectionError(Exception):
    """Postgres does not answer or rejects the connection; the message names the settings."""
