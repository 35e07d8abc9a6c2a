"""How PostgreSQL is to go about what it is asked, where its statistics cannot tell it: of what came a moment ago."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

from psycopg import AsyncConnection

BY_INDEX: LiteralString = "set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)"
"""For a connection that looks up few rows by their keys: a table that was empty when a plan was made is not empty for
long, and the plan is kept."""

FEW_BY_KEY: LiteralString = """set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
    set_config('random_page_cost', '1.1', true)"""
"""For a transaction that looks up few rows by their keys: planned once for a connection, because to plan for these keys
takes longer than to find them; by indexes, as above; and those are in memory."""


@asynccontextmanager
async def in_index_order(tx: AsyncConnection[Any]) -> AsyncIterator[None]:
    """For `ORDER BY … LIMIT` along an index: rows are read in its order, and no more of them than the limit.

    Right after many rows came the planner takes them for few, and would rather fetch them all and sort them.
    """
    async with tx.transaction():
        await tx.execute("SET LOCAL enable_sort = off")
        yield
        await tx.execute("SET LOCAL enable_sort = on")  # the caller's transaction may go on
