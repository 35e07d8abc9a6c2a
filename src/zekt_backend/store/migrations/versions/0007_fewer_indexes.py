"""Fewer indexes to write at each try of a delivery, and no statistics of what no query compares.

Additions first, and what goes is asked for by no version's queries: processes of the version before go on. See 0002.

Revision ID: 0007
"""

from alembic import op

from zekt_backend.store import steps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STEPS = (
    """
-- Of a run, and of a run at one consumer: the two before it, in one. What is asked of a consumer alone finds its way by
-- deliveries_of_consumer.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_run ON deliveries (correlation_id, consumer_id);
""",
    "DROP INDEX IF EXISTS deliveries_correlation;",
    "DROP INDEX IF EXISTS deliveries_consumer;",
    """
-- Of its documents none is like another: to compare 30,000 of them was most of what each ANALYZE cost.
ALTER TABLE deliveries ALTER COLUMN envelope SET STATISTICS 0;
""",
)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("ALTER TABLE deliveries ALTER COLUMN envelope SET STATISTICS -1")
    op.execute("CREATE INDEX deliveries_consumer ON deliveries (consumer_id, correlation_id)")
    op.execute("CREATE INDEX deliveries_correlation ON deliveries (correlation_id)")
    op.execute("DROP INDEX deliveries_of_run")
