"""Whether a connection that was idle lives still."""

import selectors
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool


async def check(connection: AsyncConnection[Any]) -> None:
    """Asks the server, if anything has come on the connection since it was used; else it lives.

    A server that ends, or ends a session, says so and closes the connection; one whose machine has vanished is given up
    by TCP's keepalives. Either way the socket has that to tell. So of an idle connection no news is good news, and each
    transaction is spared a round trip.

    Raises:
        psycopg.Error: it does not answer, or not well.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        news = selector.select(0)
    if news:
        await AsyncConnectionPool.check_connection(connection)
