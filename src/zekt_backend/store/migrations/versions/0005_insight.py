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
-- An account sees the deliveries of its repositories on either side, newest first, also of one status: each index has
-- such a stream in the order of a listing, so that a page reads no more than it shows (store/delivery_search.py).
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_provider ON deliveries (provider_id, status, created_at, seq);
""",
    """
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_consumer ON deliveries (consumer_id, status, created_at, seq);
""",
    """
-- The same of a connection: those of one status among very many others, to be looked at or replayed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_subscription
    ON deliveries (subscription_id, status, created_at, seq);
""",
    """
-- Who waits for an answer: few of all, and every page of the console tells how many.
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_requested ON subscriptions (service_id)
    WHERE status = 'requested';
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
    """
CREATE INDEX IF NOT EXISTS lost_webhooks_repository ON lost_webhooks (repository_id, delivered_at);
""",
)

RETENTION = (
    """
-- When its bytes were let go, and why: the payload is empty since. Its digest stays, and how many they were.
ALTER TABLE messages
    ADD COLUMN IF NOT EXISTS flushed_at    timestamptz,
    ADD COLUMN IF NOT EXISTS flushed_why   text CHECK (flushed_why IN ('retention', 'dispatched')),
    ADD COLUMN IF NOT EXISTS payload_bytes integer;
""",
    """
-- The oldest whose bytes are still here.
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_kept ON messages (received_at, seq) WHERE flushed_at IS NULL;
""",
    """
-- Fire-and-forget deliveries in the order of their dispatch: read once, some time after it. No others pay for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_flushable ON deliveries (dispatched_at, seq)
    WHERE NOT durable AND status = 'dispatched' AND event_id IS NOT NULL;
""",
    """
-- What an event is referred to by: asked for each that is deleted, and would be read from end to end.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_event ON deliveries (event_guid);
""",
    """
CREATE INDEX CONCURRENTLY IF NOT EXISTS decisions_message ON decisions (event_id) WHERE event_id IS NOT NULL;
""",
    """
-- What was let go, by the day on which it was: written in the transaction that let it go.
CREATE TABLE IF NOT EXISTS retention_days (
    day                 date PRIMARY KEY,
    payloads_expired    bigint NOT NULL DEFAULT 0,
    payloads_dispatched bigint NOT NULL DEFAULT 0,
    payload_bytes       bigint NOT NULL DEFAULT 0,
    deliveries          bigint NOT NULL DEFAULT 0,
    events              bigint NOT NULL DEFAULT 0,
    messages            bigint NOT NULL DEFAULT 0
);
""",
)

REPLAYS = (
    """
-- Many deliveries that are delivered once more, one after the other, per_minute of them: total, of which so many were
-- made or refused. Why: it was stopped though nobody asked for that.
CREATE TABLE IF NOT EXISTS replays (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor           text NOT NULL,
    account_id      bigint REFERENCES accounts,
    subscription_id bigint,
    per_minute      integer NOT NULL,
    total           integer NOT NULL DEFAULT 0,
    made            integer NOT NULL DEFAULT 0,
    refused         integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    stopped         boolean NOT NULL DEFAULT false,
    why             text
);
""",
    """
-- One at a time of whoever begins them for an account, so that nobody keeps a colleague from it for days.
CREATE UNIQUE INDEX IF NOT EXISTS replays_open ON replays (coalesce(account_id, 0), actor) WHERE ended_at IS NULL;
""",
    "CREATE INDEX IF NOT EXISTS replays_account ON replays (account_id, id);",
    "CREATE INDEX IF NOT EXISTS replays_ended ON replays (ended_at);",
    """
-- Each is done once: replayed_as, or refused with a code. What was not done by the end is deleted with it.
CREATE TABLE IF NOT EXISTS replay_items (
    replay_id   bigint NOT NULL REFERENCES replays ON DELETE CASCADE,
    position    integer NOT NULL,
    delivery_id text NOT NULL,
    done_at     timestamptz,
    replayed_as text,
    code        text,
    detail      text,
    PRIMARY KEY (replay_id, position)
);
""",
    "CREATE INDEX IF NOT EXISTS replay_items_left ON replay_items (replay_id, position) WHERE done_at IS NULL;",
)

TRACES = (
    """
-- Its place in a trace: the trace id of its chain, and a span id of its own.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS traceparent text;
""",
    """
-- Who began a trace, asked where a sender names one.
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_of_trace ON messages (substr(traceparent, 4, 32), seq);
""",
    """
-- The same of traces that stand in no message. Partial: what carries a message of a provider who shows pays nothing.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_of_trace ON deliveries (substr(envelope->>'traceparent', 4, 32), seq)
    WHERE event_id IS NULL OR envelope->'provider' = 'null'::jsonb;
""",
    """
-- What a delivery has caused.
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_caused_by ON messages ((causation->>'deliveryId'), seq)
    WHERE causation IS NOT NULL;
""",
)

NOTICES = (
    """
-- Where an account wants to be told of failures. The secret is derived from the broker's own, the account's id and
-- generation, so that no secret stands here; the one before still signs, too, for a day after rotated_at. A url that
-- answered 410 Gone is told nothing more (stopped_at). Busy: somebody tells this account something now, and nobody else
-- does before busy_until; tested: the last test; held: its url fails, failing times in a row, and rests.
CREATE TABLE IF NOT EXISTS notice_settings (
    account_id           bigint PRIMARY KEY REFERENCES accounts,
    url                  text,
    issues_repository_id bigint REFERENCES repositories,
    generation           integer NOT NULL DEFAULT 0,
    rotated_at           timestamptz,
    stopped_at           timestamptz,
    busy_until           timestamptz NOT NULL DEFAULT '-infinity',
    held_until           timestamptz NOT NULL DEFAULT '-infinity',
    failing              integer NOT NULL DEFAULT 0,
    tested_at            timestamptz NOT NULL DEFAULT '-infinity',
    version              integer NOT NULL DEFAULT 1
);
""",
    """
-- Deliveries that have ended Failed and of which somebody wants to be told: written with that end, gone when noticed.
CREATE TABLE IF NOT EXISTS failures (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL,
    at          timestamptz NOT NULL
);
""",
    """
-- What an account is told, once a day (UTC) and connection by each channel, however often it happens (times).
CREATE TABLE IF NOT EXISTS notices (
    id              text PRIMARY KEY,
    seq             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    account_id      bigint NOT NULL REFERENCES accounts,
    channel         text NOT NULL CHECK (channel IN ('webhook', 'issue')),
    subscription_id bigint NOT NULL REFERENCES subscriptions,
    day             date NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('delivery.failed', 'connection.critical')),
    body            text NOT NULL,
    times           integer NOT NULL DEFAULT 1,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
    tries           integer NOT NULL DEFAULT 0,
    unsure          boolean NOT NULL DEFAULT false,
    paced           boolean NOT NULL DEFAULT false,
    due_at          timestamptz,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    answer          text,
    link            text,
    UNIQUE (account_id, channel, subscription_id, day)
);
""",
    """
CREATE INDEX IF NOT EXISTS notices_due ON notices (account_id, due_at) WHERE status = 'pending';
""",
    """
CREATE INDEX IF NOT EXISTS notices_account ON notices (account_id, seq);
""",
    """
CREATE INDEX IF NOT EXISTS notices_created ON notices (created_at);
""",
    """
-- Connections that are Critical, and of which this account was told; the row goes when the connection recovers.
CREATE TABLE IF NOT EXISTS told_critical (
    subscription_id bigint NOT NULL REFERENCES subscriptions,
    account_id      bigint NOT NULL REFERENCES accounts,
    at              timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, account_id)
);
""",
)

STEPS = (*LISTINGS, *HEALTH, *REPLAYS, *RETENTION, *TRACES, *NOTICES)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("DROP TABLE retention_days, replay_items, replays")
    op.execute("DROP INDEX decisions_message, deliveries_event, deliveries_flushable, messages_kept")
    op.execute("DROP TABLE told_critical, notices, failures, notice_settings")
    op.execute("DROP INDEX messages_caused_by, deliveries_of_trace")
    op.execute(
        "ALTER TABLE messages DROP COLUMN traceparent, DROP COLUMN flushed_at, DROP COLUMN flushed_why,"
        " DROP COLUMN payload_bytes"
    )
    op.execute("DROP INDEX subscriptions_requested")
    op.execute("DROP INDEX lost_webhooks_repository, deliveries_failed, deliveries_of_connection")
    op.execute("DROP INDEX deliveries_of_subscription, deliveries_of_consumer, deliveries_of_provider")
