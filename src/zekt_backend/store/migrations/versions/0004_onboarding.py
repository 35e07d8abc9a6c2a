"""What people manage: installations and repositories as GitHub knows them, services, schemas, subscriptions.

Every change is an addition with a default, so that processes of the version before go on while it is made. Each step
commits by itself and may be repeated, as in 0002.

Revision ID: 0004
"""

from alembic import op

from zekt_backend.store import steps

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APP = (
    """
-- What GitHub last told of it, at told_at. A removed or suspended one sends and receives nothing. news counts webhooks
-- and readings, so that what was read before a webhook came is not written after it.
ALTER TABLE installations
    ADD COLUMN IF NOT EXISTS account_id   bigint REFERENCES accounts,
    ADD COLUMN IF NOT EXISTS permissions  jsonb,
    ADD COLUMN IF NOT EXISTS suspended_at timestamptz,
    ADD COLUMN IF NOT EXISTS removed_at   timestamptz,
    ADD COLUMN IF NOT EXISTS told_at      timestamptz,
    ADD COLUMN IF NOT EXISTS news         bigint NOT NULL DEFAULT 0;
""",
    """
-- Why the app does not reach it any more; removed_at says since when.
ALTER TABLE repositories ADD COLUMN IF NOT EXISTS removed_why text CHECK (removed_why IN ('deleted', 'deselected'));
""",
    "CREATE INDEX IF NOT EXISTS repositories_installation ON repositories (installation_id);",
    """
-- What a suspension holds back, to send it when that ends.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_held ON deliveries (seq)
    WHERE status = 'pending' AND failure = 'suspended';
""",
)

REPOSITORIES = (
    """
-- provider and consumer: what it was enabled as; enabled is the switch over both. Its webhook's secret is derived from
-- the broker's own, the repository's id and hook_generation, so that no secret stands here.
ALTER TABLE repositories
    ADD COLUMN IF NOT EXISTS provider        boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS consumer        boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS hook_id         bigint,
    ADD COLUMN IF NOT EXISTS hook_generation integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS removed_at      timestamptz,
    ADD COLUMN IF NOT EXISTS version         integer NOT NULL DEFAULT 1;
""",
    """
UPDATE repositories r SET
    provider = r.provider OR EXISTS (SELECT 1 FROM workflows w WHERE w.repository_id = r.id),
    consumer = r.consumer OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.repository_id = r.id);
""",
    "CREATE INDEX IF NOT EXISTS repositories_account ON repositories (account_id, id);",
    "ALTER TABLE workflows ADD COLUMN IF NOT EXISTS version integer NOT NULL DEFAULT 1;",
)

MARKET = (
    """
-- guard: what becomes of a message with a credential in it. schema_version: of service_schemas, null asks nothing.
ALTER TABLE services
    ADD COLUMN IF NOT EXISTS description    text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS tags           text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS visibility     text NOT NULL DEFAULT 'unlisted'
        CHECK (visibility IN ('public', 'organization', 'unlisted')),
    ADD COLUMN IF NOT EXISTS guard          text NOT NULL DEFAULT 'pass' CHECK (guard IN ('refuse', 'redact', 'pass')),
    ADD COLUMN IF NOT EXISTS schema_version integer,
    ADD COLUMN IF NOT EXISTS retired_at     timestamptz,
    ADD COLUMN IF NOT EXISTS version        integer NOT NULL DEFAULT 1;
""",
    """
-- Every JSON Schema that a service has had, as it was given.
CREATE TABLE IF NOT EXISTS service_schemas (
    service_id bigint NOT NULL REFERENCES services,
    version    integer NOT NULL,
    schema     text NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (service_id, version)
);
""",
    """
ALTER TABLE subscriptions
    ADD COLUMN IF NOT EXISTS note          text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS answer        text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS requested_by  text,
    ADD COLUMN IF NOT EXISTS requested_at  timestamptz,
    ADD COLUMN IF NOT EXISTS decided_by    text,
    ADD COLUMN IF NOT EXISTS decided_at    timestamptz,
    ADD COLUMN IF NOT EXISTS decided_side  text CHECK (decided_side IN ('provider', 'consumer', 'operator')),
    ADD COLUMN IF NOT EXISTS version       integer NOT NULL DEFAULT 1;
""",
    "CREATE INDEX IF NOT EXISTS subscriptions_repository ON subscriptions (repository_id);",
    """
-- What the directory is searched by: nothing of the provider's, who may be hidden. Declared immutable, which
-- array_to_string is of text, since only such a function may be indexed.
CREATE OR REPLACE FUNCTION zekt_words(slug text, alias text, description text, tags text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT to_tsvector('simple', concat_ws(' ', slug, alias, description, array_to_string(tags, ' '))) $$;
""",
    """
CREATE INDEX IF NOT EXISTS services_words ON services USING gin (zekt_words(slug, alias, description, tags));
""",
)

DOOR = (
    """
-- What was found in a message that was let in: where, what kind, and what was done. Never what it was.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS guarded jsonb;
""",
    """
-- Messages that were turned away at the door, and why: their bytes are not kept.
CREATE TABLE IF NOT EXISTS refusals (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL,
    repository_id bigint NOT NULL REFERENCES repositories,
    run_id        bigint NOT NULL,
    run_attempt   integer NOT NULL,
    workflow_path text NOT NULL,
    service_id    bigint REFERENCES services,
    code          text NOT NULL,
    reasons       jsonb NOT NULL,
    bytes         integer NOT NULL,
    times         integer NOT NULL DEFAULT 1
);
""",
    "ALTER TABLE refusals ADD COLUMN IF NOT EXISTS times integer NOT NULL DEFAULT 1;",
    "CREATE INDEX IF NOT EXISTS refusals_run ON refusals (repository_id, run_id, run_attempt);",
    "CREATE INDEX IF NOT EXISTS refusals_at ON refusals (at);",
    "ALTER TABLE usage_days ADD COLUMN IF NOT EXISTS refused bigint NOT NULL DEFAULT 0;",
)

PEOPLE = (
    """
-- What GitHub is asked to learn whether a role still holds, and when it last could not tell.
ALTER TABLE members
    ADD COLUMN IF NOT EXISTS installation_id bigint,
    ADD COLUMN IF NOT EXISTS asked_at        timestamptz;
""",
    """
-- The repositories that a member administers, also those of which the broker does not know yet.
CREATE TABLE IF NOT EXISTS administered (
    account_id    bigint NOT NULL,
    person_id     bigint NOT NULL,
    repository_id bigint NOT NULL,
    PRIMARY KEY (person_id, account_id, repository_id),
    FOREIGN KEY (account_id, person_id) REFERENCES members ON DELETE CASCADE
);
""",
)

STEPS = (*PEOPLE, *APP, *REPOSITORIES, *MARKET, *DOOR)


def upgrade() -> None:
    steps.run(STEPS)


def downgrade() -> None:
    op.execute("ALTER TABLE members DROP COLUMN installation_id, DROP COLUMN asked_at")
    op.execute("DROP TABLE administered, refusals, service_schemas")
    op.execute("DROP INDEX subscriptions_repository, repositories_account, services_words")
    op.execute("DROP FUNCTION zekt_words")
    op.execute("DROP INDEX repositories_installation, deliveries_held")
    op.execute("ALTER TABLE messages DROP COLUMN guarded")
    op.execute("ALTER TABLE usage_days DROP COLUMN refused")
    op.execute(
        "ALTER TABLE subscriptions DROP COLUMN note, DROP COLUMN answer, DROP COLUMN requested_by,"
        " DROP COLUMN requested_at, DROP COLUMN decided_by, DROP COLUMN decided_at, DROP COLUMN decided_side,"
        " DROP COLUMN version"
    )
    op.execute(
        "ALTER TABLE services DROP COLUMN description, DROP COLUMN tags, DROP COLUMN visibility, DROP COLUMN guard,"
        " DROP COLUMN schema_version, DROP COLUMN retired_at, DROP COLUMN version"
    )
    op.execute("ALTER TABLE workflows DROP COLUMN version")
    op.execute(
        "ALTER TABLE repositories DROP COLUMN provider, DROP COLUMN consumer, DROP COLUMN hook_id,"
        " DROP COLUMN hook_generation, DROP COLUMN removed_at, DROP COLUMN removed_why, DROP COLUMN version"
    )
    op.execute(
        "ALTER TABLE installations DROP COLUMN account_id, DROP COLUMN permissions, DROP COLUMN suspended_at,"
        " DROP COLUMN removed_at, DROP COLUMN told_at, DROP COLUMN news"
    )
