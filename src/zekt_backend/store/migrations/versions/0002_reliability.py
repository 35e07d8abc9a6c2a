"""What reliability needs: replays, a pace that knows GitHub's windows, gaps in what GitHub told us, used tokens.

Every change is an addition with a default, so that processes of the version before go on while it is made.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REPLAY = """
-- A replay is a delivery of its own, made from the archived message of another one.
ALTER TABLE deliveries
    ADD COLUMN is_replay boolean NOT NULL DEFAULT false,
    ADD COLUMN replay_of text REFERENCES deliveries ON DELETE SET NULL;
CREATE INDEX deliveries_replay_of ON deliveries (replay_of) WHERE replay_of IS NOT NULL;
"""

PACING = """
-- An installation's writes take turns: busy_with is the attempt that is in flight, until busy_until at the latest.
-- limits_in_row is how often in a row GitHub named a limit, but no time.
ALTER TABLE installations
    ADD COLUMN busy_until timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN busy_with text,
    ADD COLUMN limits_in_row integer NOT NULL DEFAULT 0;
-- What GitHub's windows have seen of each installation: when each of its last writes was answered.
CREATE TABLE writes (
    installation_id bigint NOT NULL REFERENCES installations,
    at              timestamptz NOT NULL
);
CREATE INDEX writes_newest ON writes (installation_id, at);
-- Whoever has the turn looks here for somebody who has waited longer.
CREATE INDEX deliveries_waiting ON deliveries (installation_id, seq) WHERE status = 'pending' AND paced;
COMMENT ON COLUMN deliveries.paced IS
    'of a pending row: it waits for its turn alone, and due_at is its slot; not the end of a wait, or of an attempt';
"""

RECONCILE = """
"""

TOKENS = """
-- What each token of a run was used for, until it expires. token is a digest of its issuer and jti, purpose one of
-- the request: the same request again is a retry, another one is somebody who copied the token.
CREATE TABLE used_tokens (
    token      bytea PRIMARY KEY,
    purpose    bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_tokens_expires_at ON used_tokens (expires_at);
"""


def upgrade() -> None:
    for part in (REPLAY, PACING, RECONCILE, TOKENS):
        if part.strip():
            op.execute(part)


def downgrade() -> None:
    op.execute("DROP TABLE used_tokens")
    op.execute("DROP INDEX deliveries_waiting")
    op.execute("DROP TABLE writes")
    op.execute("ALTER TABLE installations DROP COLUMN busy_until, DROP COLUMN busy_with, DROP COLUMN limits_in_row")
    op.execute("DROP INDEX deliveries_replay_of")
    op.execute("ALTER TABLE deliveries DROP COLUMN is_replay, DROP COLUMN replay_of")
