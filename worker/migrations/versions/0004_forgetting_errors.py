"""An operator may delete the invalid records of an import, and that is written down.

The worker's role may delete them already: it does so when an import is retried.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The version before this one fails where it is shown such an action. None is there until an
# operator of this version forgets errors.
ACTION = """
ALTER TABLE import_actions DROP CONSTRAINT action_is_known;
ALTER TABLE import_actions ADD CONSTRAINT action_is_known
    CHECK (action IN ('retry', 'redrive', 'undo', 'forget_errors'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(ACTION)
