"""What of the open day's usage is counted already.

An addition: processes of the version before count that day's rows as they did. See 0002.

Revision ID: 0006
"""

from alembic import op

from zekt_backend.store import steps

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STEPS = (
    """
-- As usage_days, of rows before readings.read_until (of kind 'usage'), and until their day is closed. Without refused,
-- for those are still added to; nor whose it is, which is asked when it is read.
CREATE TABLE IF NOT EXISTS usage_open (
    day           date NOT NULL,
    repository_id bigint NOT NULL,
    workflow_path text NOT NULL,
    messages      bigint NOT NULL,
    events        bigint NOT NULL,
    blocked       bigint NOT NULL,
    dispatches    bigint NOT NULL,
    retries       bigint NOT NULL,
    confirms      bigint NOT NULL,
    completes     bigint NOT NULL,
    bytes         bigint NOT NULL,
    PRIMARY KEY (day, repository_id, workflow_path)
);
""",
)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("DELETE FROM readings WHERE kind = 'usage'")
    op.execute("DROP TABLE usage_open")
