"""Runs the migrations on the connection that `worker.migrate` hands over, each in a transaction.

Bounded: a migration waits seconds, not minutes, for a lock, because everybody else queues behind
it; and each must work with the code of the version before it, which is still running. There
is no way back but a new migration, or a restore.
"""

from alembic import context
from sqlalchemy import text

from schemas.tables import metadata

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "30min"  # room for building an index over millions of rows

connection = context.config.attributes["connection"]
connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
connection.commit()

context.configure(
    connection=connection,
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
