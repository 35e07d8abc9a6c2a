"""How much of each work there is."""

import msgspec


class Size(msgspec.Struct, frozen=True, kw_only=True):
    warm_up: int
    webhooks: int
    """At c=16 and 64; a third of it at c=1."""
    messages: int
    large_messages: int
    latency_seconds: float
    """How long events come at a rate, at the least."""
    latency_events: int
    """How many of them, at the least."""
    widest: int
    """Consumers of the one event that comes alone."""
    through_events: int
    """Each of them is five dispatches."""
    burst_events: int
    """Each of them is five dispatches."""
    growth: int
    """Deliveries in a database that is not empty."""
    connections: int
    """That they are of, besides the benchmark's own."""
    subscriptions: int
    """Without any delivery."""
    growth_seconds: float
    growth_events: int
    growth_burst: int
    """What `latency_seconds`, `latency_events` and `burst_events` are where it is measured how they grow."""
    page_reads: int
    """Of each page."""
    action_runs: int
    idle_seconds: float
    soak_seconds: float


FULL = Size(
    warm_up=200,
    webhooks=3000,
    messages=1500,
    large_messages=150,
    latency_seconds=20,
    latency_events=60,
    widest=1000,
    through_events=1500,
    burst_events=10_000,
    growth=1_000_000,
    connections=200,
    subscriptions=10_000,
    growth_seconds=10,
    growth_events=20,
    growth_burst=3000,
    page_reads=20,
    action_runs=20,
    idle_seconds=15,
    soak_seconds=1800,
)

SHORT = Size(
    warm_up=20,
    webhooks=150,
    messages=60,
    large_messages=10,
    latency_seconds=1,
    latency_events=5,
    widest=200,
    through_events=30,
    burst_events=500,
    growth=10_000,
    connections=20,
    subscriptions=100,
    growth_seconds=0.5,
    growth_events=5,
    growth_burst=500,
    page_reads=3,
    action_runs=2,
    idle_seconds=2,
    soak_seconds=20,
)
"""To see that all of it works. Its figures tell nothing."""
