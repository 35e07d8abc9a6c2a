"""What has happened, and why: listings that stay quick, health, retention, traces, notices of failure.

Every change is an addition with a default, so that processes of the version before go on while it is made. Each step
commits by itself and may be repeated, as in 0002.

Revision ID: 0005
"""

from alembic import op

from zekt_backend.store import steps

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LISTINGS = (
    """
-- An account sees the deliveries of its repositories on either side, newest first, also of one status.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_provider ON deliveries (provider_id, status, seq);
""",
    """
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_consumer ON deliveries (consumer_id, status, seq);
""",
)

HEALTH = (
    """
-- What became of a connection's deliveries lately.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_connection ON deliveries (subscription_id, created_at);
""",
    """
-- Why they failed. Partial: only what fails pays for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_failed ON deliveries (subscription_id, completed_at)
    WHERE status = 'failed';
""",
)

RETENTION = (
    """
-- When its bytes were let go: the payload is empty since, its digest stays.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS flushed_at timestamptz;
""",
)

TRACES = (
    """
-- The W3C trace context that its sender gave, or that it was given on arrival.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS traceparent text;
""",
)

NOTICES = (
    """
-- Where an account wants to be told of failures. The secret is derived from the broker's own, the account's id and
-- generation, so that no secret stands here.
CREATE TABLE IF NOT EXISTS notice_settings (
    account_id           bigint PRIMARY KEY REFERENCES accounts,
    url                  text,
    issues_repository_id bigint REFERENCES repositories,
    generation           integer NOT NULL DEFAULT 0,
    version              integer NOT NULL DEFAULT 1
);
""",
)

STEPS = (*LISTINGS, *HEALTH, *RETENTION, *TRACES, *NOTICES)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("DROP TABLE notice_settings")
    op.execute("ALTER TABLE messages DROP COLUMN traceparent, DROP COLUMN flushed_at")
    op.execute("DROP INDEX deliveries_failed, deliveries_of_connection, deliveries_of_consumer, deliveries_of_provider")
