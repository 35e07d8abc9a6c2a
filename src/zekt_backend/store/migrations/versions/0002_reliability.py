"""What reliability needs: replays, a pace that knows GitHub's windows, gaps in what GitHub told us, used tokens.

Every change is an addition with a default, so that processes of the version before go on while it is made. Each step
commits by itself and may be repeated: a migration that held one table and waited for the next would meet the flows,
which take them in other orders, and under steady traffic never get through.

Revision ID: 0002
"""

from alembic import op

from zekt_backend.store import steps

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REPLAY = (
    """
-- A replay is a delivery of its own, made from the archived message of another one.
ALTER TABLE deliveries
    ADD COLUMN IF NOT EXISTS is_replay boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS replay_of text REFERENCES deliveries ON DELETE SET NULL;
""",
    """
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_replay_of ON deliveries (replay_of)
    WHERE replay_of IS NOT NULL;
""",
)

PACING = (
    """
-- An installation's writes take turns: busy_with is the attempt that is in flight, until busy_until at the latest.
-- limits_in_row is how often in a row GitHub named a limit, but no time.
ALTER TABLE installations
    ADD COLUMN IF NOT EXISTS busy_until timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN IF NOT EXISTS busy_with text,
    ADD COLUMN IF NOT EXISTS limits_in_row integer NOT NULL DEFAULT 0;
""",
    """
-- What GitHub's windows have seen of each installation: when each of its last writes was answered.
CREATE TABLE IF NOT EXISTS writes (
    installation_id bigint NOT NULL REFERENCES installations,
    at              timestamptz NOT NULL
);
""",
    "CREATE INDEX IF NOT EXISTS writes_newest ON writes (installation_id, at);",
    """
-- Whoever has the turn looks here for somebody who has waited longer.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_waiting ON deliveries (installation_id, seq)
    WHERE status = 'pending' AND paced;
""",
    """
COMMENT ON COLUMN deliveries.paced IS
    'of a pending row: it waits for its turn alone, and due_at is its slot; not the end of a wait, or of an attempt';
""",
)

RECONCILE = (
    """
-- The app itself, as which redeliveries of its own hook are asked for: its writes are paced like any installation's.
INSERT INTO installations (id) VALUES (0) ON CONFLICT DO NOTHING;
""",
    """
-- What ended before its workflow was whitelisted is none of ours. (A constant: no row is rewritten.)
ALTER TABLE workflows ADD COLUMN IF NOT EXISTS whitelisted_at timestamptz NOT NULL DEFAULT now();
""",
    """
-- A message whose run GitHub no longer knows: it waits no more, and stays.
ALTER TABLE messages
    ADD COLUMN IF NOT EXISTS closed_at timestamptz,
    ADD COLUMN IF NOT EXISTS closed_why text;
""",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_received ON messages (received_at, seq);",
    """
-- How far something has been read, so that each round goes on where the last one ended: our own messages (kind
-- messages, id 0), the delivery log of a hook (hook; 0 is the app's own), the runs of a repository (runs), its list
-- of hooks (hooks). A log is read newest first: cursor and upto are what an unfinished reading goes on with.
CREATE TABLE IF NOT EXISTS readings (
    kind          text NOT NULL,
    id            bigint NOT NULL,
    repository_id bigint REFERENCES repositories,
    read_until    timestamptz NOT NULL DEFAULT '-infinity',
    look_at       timestamptz NOT NULL DEFAULT '-infinity',
    cursor        text,
    upto          timestamptz,
    PRIMARY KEY (kind, id)
);
""",
    """
-- Webhooks that the log shows as failed. ask_at is when a redelivery is owed next; null: settled.
CREATE TABLE IF NOT EXISTS lost_webhooks (
    guid          text PRIMARY KEY,
    hook_id       bigint NOT NULL,
    delivery_id   bigint NOT NULL,
    repository_id bigint,
    delivered_at  timestamptz NOT NULL,
    asked         integer NOT NULL DEFAULT 0,
    ask_at        timestamptz,
    settled_at    timestamptz
);
""",
    "CREATE INDEX IF NOT EXISTS lost_webhooks_due ON lost_webhooks (ask_at) WHERE ask_at IS NOT NULL;",
    "CREATE INDEX IF NOT EXISTS lost_webhooks_settled ON lost_webhooks (settled_at) WHERE settled_at IS NOT NULL;",
    """
-- Run attempts whose end nobody told us, and when GitHub is asked about each next.
CREATE TABLE IF NOT EXISTS awaited_runs (
    repository_id bigint NOT NULL REFERENCES repositories,
    run_id        bigint NOT NULL,
    run_attempt   integer NOT NULL,
    asked         integer NOT NULL DEFAULT 0,
    ask_at        timestamptz NOT NULL,
    PRIMARY KEY (repository_id, run_id, run_attempt)
);
""",
    "CREATE INDEX IF NOT EXISTS awaited_runs_due ON awaited_runs (ask_at);",
    """
-- What could not be recovered, and why. Closed when it was recovered after all, or when somebody accepted it.
CREATE TABLE IF NOT EXISTS gaps (
    kind      text NOT NULL,
    subject   text NOT NULL,
    detail    text NOT NULL,
    found_at  timestamptz NOT NULL,
    closed_at timestamptz,
    accepted  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (kind, subject)
);
""",
    "CREATE INDEX IF NOT EXISTS gaps_open ON gaps (found_at) WHERE closed_at IS NULL;",
)

TOKENS = (
    """
-- What each token of a run was used for, until it expires. token is a digest of its issuer and jti, purpose one of
-- the request: the same request again is a retry, another one is somebody who copied the token.
CREATE TABLE IF NOT EXISTS used_tokens (
    token      bytea PRIMARY KEY,
    purpose    bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
""",
    "CREATE INDEX IF NOT EXISTS used_tokens_expires_at ON used_tokens (expires_at);",
)


STEPS = (*REPLAY, *PACING, *RECONCILE, *TOKENS)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("DROP TABLE used_tokens")
    op.execute("DROP INDEX deliveries_waiting")
    op.execute("DROP TABLE writes")
    op.execute("ALTER TABLE installations DROP COLUMN busy_until, DROP COLUMN busy_with, DROP COLUMN limits_in_row")
    op.execute("DROP TABLE gaps, awaited_runs, lost_webhooks, readings")
    op.execute("DROP INDEX messages_received")
    op.execute("ALTER TABLE messages DROP COLUMN closed_at, DROP COLUMN closed_why")
    op.execute("ALTER TABLE workflows DROP COLUMN whitelisted_at")
    op.execute("DELETE FROM installations WHERE id = 0")
    op.execute("DROP INDEX deliveries_replay_of")
    op.execute("ALTER TABLE deliveries DROP COLUMN is_replay, DROP COLUMN replay_of")
