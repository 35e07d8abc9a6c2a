"""Sellers, services, buyers and subscriptions by the thousand, as copies of those that the benchmark made."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

_SUBSCRIBED = (
    """INSERT INTO accounts (login) SELECT 'grown-seller-' || n FROM generate_series(0, {sellers} - 1) n
       UNION ALL SELECT 'grown-buyer-' || n FROM generate_series(0, {buyers} - 1) n""",
    """CREATE TABLE bench.owners AS
       SELECT id, login, 900000000 + id AS installation_id, 800000000 + id AS repository_id,
           CASE WHEN login LIKE 'grown-seller-%' THEN 'bench-seller/to-1' ELSE 'bench-buyer-0/platform' END AS like_name
       FROM accounts WHERE login LIKE 'grown-%'""",
    """INSERT INTO installations ({installations}) SELECT {installations_of}
       FROM bench.owners o JOIN repositories r ON r.full_name = o.like_name
       JOIN installations s ON s.id = r.installation_id""",
    """INSERT INTO repositories ({repositories}) SELECT {repositories_of}
       FROM bench.owners o JOIN repositories s ON s.full_name = o.like_name""",
    """INSERT INTO workflows ({workflows}) SELECT {workflows_of} FROM bench.owners o
       JOIN repositories r ON r.full_name = o.like_name JOIN workflows s ON s.repository_id = r.id""",
    """INSERT INTO services ({services}) SELECT {services_of}
       FROM bench.owners o JOIN workflows w ON w.repository_id = o.repository_id
       JOIN services s ON s.slug = 'to-1'""",
    """INSERT INTO subscriptions ({subscriptions}) SELECT {subscriptions_of}
       FROM generate_series(0, {count} - 1) n
       JOIN services v ON v.slug = 'grown-seller-' || n % {sellers}
       JOIN bench.owners o ON o.login = 'grown-buyer-' || (n / {sellers} * 10 + n % 10)
       JOIN services t ON t.slug = 'to-1' JOIN subscriptions s ON s.service_id = t.id""",
)
_NEW = {
    "installations": {"id": "o.installation_id", "account_id": "o.id"},
    "repositories": {
        "id": "o.repository_id",
        "account_id": "o.id",
        "installation_id": "o.installation_id",
        "full_name": "o.login || '/platform'",
    },
    "workflows": {"repository_id": "o.repository_id"},
    "services": {"workflow_id": "w.id", "slug": "o.login", "alias": "o.login"},
    "subscriptions": {"service_id": "v.id", "repository_id": "o.repository_id"},
}


def insert(connection: Connection, count: int) -> None:
    """So many subscriptions, all approved: of as many services as a service has subscribers."""
    sellers = math.isqrt(count)
    buyers = -(-count // sellers) * 10
    for statement in _SUBSCRIBED:
        known: dict[str, int | str] = {"sellers": sellers, "buyers": buyers, "count": count}
        for table, other in _NEW.items():
            known[table], known[f"{table}_of"] = columns(connection, table, other)
        connection.execute(statement.format(**known).encode())


def columns(
    connection: Connection, table: str, other: Mapping[str, str], moved: Callable[[str, str], str] = lambda *_: ""
) -> tuple[str, str]:
    """Where a copy of the row `s` goes and what goes there: all but what the database itself numbers.

    `other` has by column what is not as in that row; `moved` is asked of the rest, with column and type.
    """
    found = connection.execute(
        """SELECT column_name, data_type FROM information_schema.columns
           WHERE table_schema = 'public' AND table_name = %s AND is_identity = 'NO' AND is_generated = 'NEVER'
             AND coalesce(column_default, '') NOT LIKE 'nextval%%' ORDER BY ordinal_position""",
        (table,),
    ).fetchall()
    values = [other.get(name) or moved(name, kind) or f"s.{name}" for name, kind in found]
    return ", ".join(name for name, _ in found), ", ".join(values)
