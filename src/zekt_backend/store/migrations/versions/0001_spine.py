"""The spine: who is who, events, messages, decisions, deliveries, history, attempts.

Revision ID: 0001
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIRECTORY = """
CREATE TABLE accounts (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login text NOT NULL
);
CREATE UNIQUE INDEX accounts_login ON accounts (lower(login));

-- GitHub's installation of our app. Writes are paced per installation: next_write_at is the next free slot,
-- last_write_at when a write was last let through, blocked_until what GitHub told us to wait for.
CREATE TABLE installations (
    id            bigint PRIMARY KEY,
    next_write_at timestamptz NOT NULL DEFAULT '-infinity',
    last_write_at timestamptz NOT NULL DEFAULT '-infinity',
    blocked_until timestamptz NOT NULL DEFAULT '-infinity'
);

-- The id is GitHub's: it survives a rename, and a new repository under an old name has another one.
CREATE TABLE repositories (
    id                        bigint PRIMARY KEY,
    account_id                bigint NOT NULL REFERENCES accounts,
    installation_id           bigint REFERENCES installations,
    full_name                 text NOT NULL,
    enabled                   boolean NOT NULL DEFAULT true,
    completion_tracking       boolean NOT NULL DEFAULT false,
    allow_pull_request_target boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX repositories_full_name ON repositories (lower(full_name));

CREATE TABLE workflows (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id bigint NOT NULL REFERENCES repositories,
    path          text NOT NULL,
    whitelisted   boolean NOT NULL DEFAULT false,
    UNIQUE (repository_id, path)
);

CREATE TABLE services (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id   bigint NOT NULL REFERENCES workflows,
    slug          text NOT NULL UNIQUE,
    alias         text NOT NULL,
    event_type    text NOT NULL,
    metadata_only boolean NOT NULL DEFAULT false,
    hide_provider boolean NOT NULL DEFAULT false
);
CREATE INDEX services_workflow ON services (workflow_id);

CREATE TABLE subscriptions (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id       bigint NOT NULL REFERENCES services,
    repository_id    bigint NOT NULL REFERENCES repositories,
    status           text NOT NULL CHECK (status IN ('requested', 'approved', 'denied', 'revoked')),
    durable          boolean NOT NULL DEFAULT false,
    conclusions      text[],
    confirm_timeout  interval,
    complete_timeout interval,
    max_dispatches   integer CHECK (max_dispatches >= 1),
    UNIQUE (service_id, repository_id)
);
"""

CORRELATION = """
-- One row per finished run attempt. No foreign key: an event of a stranger is recorded too, as blocked.
CREATE TABLE events (
    guid          text PRIMARY KEY,
    repository_id bigint NOT NULL,
    repository    text NOT NULL,
    run_id        bigint NOT NULL,
    run_attempt   integer NOT NULL,
    workflow_id   bigint,
    workflow_path text,
    workflow_name text NOT NULL,
    conclusion    text,
    head_branch   text,
    head_sha      text NOT NULL,
    event         text NOT NULL,
    actor         text NOT NULL,
    html_url      text NOT NULL,
    started_at    text,
    completed_at  text,
    received_at   timestamptz NOT NULL,
    UNIQUE (repository_id, run_id, run_attempt)
);

-- The payload is the sender's bytes, not jsonb: jsonb reorders keys, changes numbers and cannot hold \\u0000.
CREATE TABLE messages (
    event_id           text PRIMARY KEY,
    seq                bigint GENERATED ALWAYS AS IDENTITY,
    dedupe_key         text NOT NULL UNIQUE,
    repository_id      bigint NOT NULL REFERENCES repositories,
    run_id             bigint NOT NULL,
    run_attempt        integer NOT NULL,
    workflow_path      text NOT NULL,
    event_type         text,
    payload            bytea NOT NULL,
    payload_sha256     text NOT NULL,
    job                text,
    step               text,
    causation          jsonb,
    consumers_notified integer NOT NULL,
    received_at        timestamptz NOT NULL,
    late               boolean NOT NULL DEFAULT false
);
ALTER TABLE messages ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX messages_run ON messages (repository_id, run_id, run_attempt, seq);

-- Why something did, or did not, arrive: one row per decision, beside its event (and its message, when late).
CREATE TABLE decisions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_guid text NOT NULL REFERENCES events,
    event_id   text REFERENCES messages,
    decided_at timestamptz NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('delivered', 'blocked')),
    reasons    jsonb NOT NULL
);
CREATE INDEX decisions_event ON decisions (event_guid);
"""

DELIVERIES = """
-- A delivery is the outbox row and the tracked thing in one. due_at is when the next step is owed: the next
-- try while pending, the confirmation while dispatched, the completion while confirmed; null owes nothing.
-- paced says that a pending row's due_at is a reserved slot of its installation, not merely the end of a wait.
CREATE TABLE deliveries (
    id                   text PRIMARY KEY,
    seq                  bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    subscription_id      bigint NOT NULL REFERENCES subscriptions,
    provider_id          bigint NOT NULL,
    provider             text NOT NULL,
    consumer_id          bigint NOT NULL REFERENCES repositories,
    consumer             text NOT NULL,
    installation_id      bigint NOT NULL REFERENCES installations,
    correlation_id       text NOT NULL,
    event_guid           text NOT NULL REFERENCES events,
    event_id             text REFERENCES messages,
    event_type           text NOT NULL,
    envelope             jsonb NOT NULL,
    late                 boolean NOT NULL,
    durable              boolean NOT NULL,
    confirm_timeout      interval NOT NULL,
    complete_timeout     interval NOT NULL,
    max_dispatches       integer NOT NULL,
    status               text NOT NULL
        CHECK (status IN ('pending', 'dispatched', 'confirmed', 'completed', 'failed')),
    due_at               timestamptz,
    paced                boolean NOT NULL DEFAULT true,
    attempt              integer NOT NULL DEFAULT 0,
    tries                integer NOT NULL DEFAULT 0,
    dispatches           integer NOT NULL DEFAULT 0,
    created_at           timestamptz NOT NULL,
    dispatched_at        timestamptz,
    confirmed_at         timestamptz,
    completed_at         timestamptz,
    consumer_run_id      bigint,
    consumer_run_attempt integer,
    consumer_conclusion  text,
    result               text,
    failure              text,
    advice               text
);
CREATE INDEX deliveries_due ON deliveries (status, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_consumer ON deliveries (consumer_id, correlation_id);
CREATE INDEX deliveries_message ON deliveries (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX deliveries_correlation ON deliveries (correlation_id);
CREATE INDEX deliveries_consumer_run ON deliveries (consumer_id, consumer_run_id)
    WHERE consumer_run_id IS NOT NULL;
CREATE INDEX deliveries_status ON deliveries (status, seq);

CREATE TABLE history (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    fact        text NOT NULL,
    from_status text,
    to_status   text NOT NULL,
    detail      text NOT NULL
);
CREATE INDEX history_delivery ON history (delivery_id, id);

-- Written before the call and finished after it, so that a worker that dies between the two leaves a trace.
CREATE TABLE attempts (
    delivery_id       text NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    number            integer NOT NULL,
    job_id            bigint,
    started_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    accepted          boolean,
    ambiguous         boolean,
    http_status       integer,
    github_request_id text,
    category          text,
    detail            text,
    PRIMARY KEY (delivery_id, number)
);
"""


def upgrade() -> None:
    for part in (DIRECTORY, CORRELATION, DELIVERIES):
        op.execute(part)


def downgrade() -> None:
    op.execute(
        "DROP TABLE attempts, history, deliveries, decisions, messages, events,"
        " subscriptions, services, workflows, repositories, installations, accounts"
    )
