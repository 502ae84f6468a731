"""How much is measured. Everything that is drawn at random is drawn from SEED."""

import os
from dataclasses import dataclass
from pathlib import Path

SEED = 20260101

BENCH = Path(__file__).resolve().parent.parent
PROJECT = BENCH.parent
OUT = Path(os.environ.get("WARD_BENCH_OUT", PROJECT / ".ward" / "bench"))
RESULTS = BENCH / "results"


@dataclass(frozen=True)
class Sizes:
    """Counts of rows, calls and repetitions. `calls` are per arm and repetition."""

    name: str
    repetitions: int
    tenants: int
    # plain table: a fifth of the rows is tenant 1's
    items: int
    point_calls: int
    scan_calls: int
    # one LIST partition per tenant
    partitions: int
    rows_per_partition: int
    partition_calls: int
    # vectors
    vectors: int
    dimensions: int
    clusters: int
    vector_calls: int
    big_tenant: int
    # pgbench -S
    pgbench_scale: int
    pgbench_seconds: int
    pgbench_rounds: int
    # tokens
    tokens: int
    token_loops: int
    token_rounds: int
    switches: int
    # counted instructions: statements per arm, and whether prepared ones too
    counted: int
    counted_modes: int


FULL = Sizes(
    name="full", repetitions=3, tenants=500,
    items=1_000_000, point_calls=1000, scan_calls=40,
    partitions=500, rows_per_partition=400, partition_calls=60,
    vectors=100_000, dimensions=128, clusters=200, vector_calls=60, big_tenant=500,
    pgbench_scale=10, pgbench_seconds=3, pgbench_rounds=5,
    tokens=400, token_loops=20_000, token_rounds=7, switches=2000,
    counted=200, counted_modes=2,
)

QUICK = Sizes(
    name="quick", repetitions=1, tenants=20,
    items=20_000, point_calls=50, scan_calls=5,
    partitions=20, rows_per_partition=50, partition_calls=10,
    vectors=3_000, dimensions=32, clusters=20, vector_calls=10, big_tenant=100,
    pgbench_scale=1, pgbench_seconds=1, pgbench_rounds=1,
    tokens=10, token_loops=200, token_rounds=1, switches=20,
    counted=20, counted_modes=1,
)
