"""Which leg of a matrix, and which job, sent a message: what is known again in a later attempt.

Additions: processes of the version before leave both empty, and read neither. See 0002.

Revision ID: 0008
"""

from alembic import op

from zekt_backend.store import steps

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STEPS = (
    """
-- leg: as the sender says. check_run_id: as its token says.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS leg text, ADD COLUMN IF NOT EXISTS check_run_id text NOT NULL DEFAULT '';
""",
)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("ALTER TABLE messages DROP COLUMN leg, DROP COLUMN check_run_id")
