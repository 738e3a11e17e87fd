"""Statistics of the usual size for what searches look at.

The searches tell the planner which way to go, so that a finer guess gains nothing; but to read a
thousand samples of each column takes longer than to find a rare movie.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

USUAL_SIZE = """
ALTER TABLE movies ALTER COLUMN title_folded SET STATISTICS -1;
ALTER TABLE movies ALTER COLUMN cast_folded SET STATISTICS -1;
"""


def upgrade() -> None:
    op.execute(USUAL_SIZE)
