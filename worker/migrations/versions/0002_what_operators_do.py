"""What operators do: imports can be undone, and who did what to which of them is written down."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The version before this one knows no undone import, and fails where it is shown one. None is there
# until an operator of this version undoes one.
STATUS = """
ALTER TABLE imports DROP CONSTRAINT status_is_known;
ALTER TABLE imports ADD CONSTRAINT status_is_known
    CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'superseded', 'undone'));
"""

UNDER_WAY = """
CREATE INDEX imports_under_way ON imports (started_at) WHERE status IN ('queued', 'running');
"""

ACTIONS = """
CREATE TABLE import_actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    actor text NOT NULL,
    reason text,
    CONSTRAINT action_is_known CHECK (action IN ('retry', 'redrive', 'undo'))
);
CREATE INDEX import_actions_by_import ON import_actions (import_id, id);
"""

# Nobody may change what was done, or take it back.
RIGHTS = """
GRANT SELECT ON import_actions TO mru_api, mru_worker;
GRANT INSERT ON import_actions TO mru_worker;
"""


def upgrade() -> None:
    for step in (STATUS, UNDER_WAY, ACTIONS, RIGHTS):
        op.get_bind().exec_driver_sql(step)
