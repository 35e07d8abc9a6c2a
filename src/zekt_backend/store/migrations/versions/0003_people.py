"""People and what they manage: accounts with their members, tokens, sessions, the audit trail; what a service offers.

Every change is an addition with a default, so that processes of the version before go on while it is made. Each step
commits by itself and may be repeated, as in 0002.

Revision ID: 0003
"""

from alembic import op

from zekt_backend.store import steps

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ACCOUNTS = (
    """
-- An account is a GitHub owner. What it is here for (provider, consumer) is only ever added to.
ALTER TABLE accounts
    ADD COLUMN IF NOT EXISTS github_id bigint UNIQUE,
    ADD COLUMN IF NOT EXISTS kind      text NOT NULL DEFAULT 'organization' CHECK (kind IN ('organization', 'user')),
    ADD COLUMN IF NOT EXISTS provider  boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS consumer  boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS verified  boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS version   integer NOT NULL DEFAULT 1;
""",
    """
UPDATE accounts a SET
    provider = a.provider OR EXISTS (SELECT 1 FROM repositories r JOIN workflows w ON w.repository_id = r.id
                                     WHERE r.account_id = a.id),
    consumer = a.consumer OR EXISTS (SELECT 1 FROM repositories r JOIN subscriptions s ON s.repository_id = r.id
                                     WHERE r.account_id = a.id);
""",
    """
-- The id is GitHub's.
CREATE TABLE IF NOT EXISTS people (
    id    bigint PRIMARY KEY,
    login text NOT NULL
);
""",
    """
CREATE TABLE IF NOT EXISTS members (
    account_id bigint NOT NULL REFERENCES accounts,
    person_id  bigint NOT NULL REFERENCES people,
    role       text NOT NULL CHECK (role IN ('owner', 'member')),
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, person_id)
);
""",
    "CREATE INDEX IF NOT EXISTS members_person ON members (person_id);",
)

ACCESS = (
    """
-- Of a session and of a token only the sha256 is kept: whoever reads this table cannot sign in.
CREATE TABLE IF NOT EXISTS sessions (
    digest     bytea PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    csrf       text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
""",
    "CREATE INDEX IF NOT EXISTS sessions_expires_at ON sessions (expires_at);",
    """
CREATE TABLE IF NOT EXISTS api_tokens (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES accounts,
    name         text NOT NULL,
    digest       bytea NOT NULL UNIQUE,
    scope        text NOT NULL CHECK (scope IN ('read', 'manage')),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
""",
    "CREATE INDEX IF NOT EXISTS api_tokens_account ON api_tokens (account_id, id);",
    """
-- Who changed what, when, and how it stood before and after. Never updated, never a secret.
-- What lies between two accounts (a subscription, a delivery) names the other one too: both may read the line.
CREATE TABLE IF NOT EXISTS audit (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at               timestamptz NOT NULL,
    actor            text NOT NULL,
    account_id       bigint REFERENCES accounts,
    other_account_id bigint REFERENCES accounts,
    action           text NOT NULL,
    subject          text NOT NULL,
    before           jsonb,
    after            jsonb
);
""",
    "CREATE INDEX IF NOT EXISTS audit_account ON audit (account_id, id);",
    """
CREATE INDEX IF NOT EXISTS audit_other_account ON audit (other_account_id, id) WHERE other_account_id IS NOT NULL;
""",
)

FILTERS = (
    """
-- Beside conclusions; null: all. branches are patterns of the run's head branch, event_types are of each message.
ALTER TABLE subscriptions
    ADD COLUMN IF NOT EXISTS branches    text[],
    ADD COLUMN IF NOT EXISTS event_types text[];
""",
    """
-- Whoever asks what became of a run knows its id and nothing else.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_run ON events (run_id);
""",
    """
-- The newest events, to try a changed policy on, and those of a day.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_received ON events (received_at);
""",
)


USAGE = (
    """
-- What was used is counted from the rows themselves: no counter that all requests of an account would queue for. A
-- day that has ended is counted once more and kept, so that deleting rows changes no past.
CREATE TABLE IF NOT EXISTS usage_closed (
    day date PRIMARY KEY
);
""",
    """
CREATE TABLE IF NOT EXISTS usage_days (
    day           date NOT NULL REFERENCES usage_closed,
    account_id    bigint NOT NULL REFERENCES accounts,
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
    PRIMARY KEY (day, account_id, repository_id, workflow_path)
);
""",
    """
-- These two grow in the order of their times, so a few pages of index tell where a day is.
CREATE INDEX CONCURRENTLY IF NOT EXISTS attempts_started ON attempts USING brin (started_at)
    WITH (pages_per_range = 32, autosummarize = on);
""",
    """
CREATE INDEX CONCURRENTLY IF NOT EXISTS history_at ON history USING brin (at)
    WITH (pages_per_range = 32, autosummarize = on);
""",
)

STEPS = (*ACCOUNTS, *ACCESS, *FILTERS, *USAGE)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("DROP INDEX attempts_started, history_at")
    op.execute("DROP TABLE usage_days, usage_closed")
    op.execute("DROP INDEX events_run, events_received")
    op.execute("ALTER TABLE subscriptions DROP COLUMN branches, DROP COLUMN event_types")
    op.execute("DROP TABLE audit, api_tokens, sessions, members, people")
    op.execute(
        "ALTER TABLE accounts DROP COLUMN github_id, DROP COLUMN kind, DROP COLUMN provider, DROP COLUMN consumer,"
        " DROP COLUMN verified, DROP COLUMN version"
    )
