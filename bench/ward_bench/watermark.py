"""The watermark: the same prepared statements, tracked against untracked, in turns."""

import numpy as np

from . import server
from .data import text_of
from .measure import Arm, Call, Checks, become_ward, close, disagreements, interleave, summary
from .settings import SEED, Sizes

DIMENSIONS, TENANT, GROUP = 384, 1, 1000
NEAREST = "SELECT id, body FROM chunks ORDER BY embedding <=> %s::vector LIMIT 10"
SCAN = "SELECT id, body FROM chunks WHERE part = %s"
POINT = "SELECT id, body FROM chunks WHERE id = %s"
COUNT = "SELECT count(*) FROM chunks WHERE part = %s"


def make(sizes: Sizes) -> None:
    """`chunks` of one tenant: parts of GROUP rows, an HNSW index, a tenth of the rows of the highest label."""
    random = np.random.default_rng(SEED)
    with server.connect(server.NATIVE) as connection:
        run = connection.execute
        run(f"""CREATE TABLE chunks (id integer PRIMARY KEY, tenant_id integer, label ward.label, part integer, body text,
                embedding vector({DIMENSIONS}))""")
        with connection.cursor().copy("COPY chunks FROM STDIN") as copy:
            for number, point in enumerate(random.normal(size=(sizes.vectors // 5, DIMENSIONS))):
                label = "internal" if number % 10 else server.CLEARANCE
                copy.write_row((number, TENANT, label, number // GROUP, f"chunk {number} " * 40, text_of(point)))
        run("CREATE INDEX ON chunks (part)")
        run("CREATE INDEX ON chunks USING hnsw (embedding vector_cosine_ops)")
        run("VACUUM ANALYZE chunks")
        run("GRANT SELECT ON chunks TO bench_app")


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    server.admin(server.WARD, "SELECT ward.protect('chunks')")
    become = become_ward(mint, clearance="restricted")
    arms = [Arm(name, server.connect(server.WARD, "bench_app"), become=become, before=(f"SET ward.track_watermark = {setting}",))
            for name, setting in (("untracked", "off"), ("tracked", "on"))]
    random = np.random.default_rng(SEED)
    rows, calls = sizes.vectors // 5, 10 * sizes.scan_calls
    points = [text_of(point) for point in random.normal(size=(5 * sizes.vector_calls, DIMENSIONS))]
    parts = random.integers(0, max(1, rows // GROUP), calls).tolist()
    work = {
        "ten nearest neighbours with text": (NEAREST, points),
        f"scan that returns {min(rows, GROUP):,} rows": (SCAN, parts),
        "point look-up": (POINT, random.integers(0, rows, sizes.point_calls).tolist()),
        f"count over {min(rows, GROUP):,} rows": (COUNT, parts),
    }
    results = {}
    for name, (statement, values) in work.items():
        for arm in arms:
            arm.cpu.clear()
        # Each repetition makes every call; the ratios are of computing time, of which the medians are taken.
        times, answers = interleave(arms, [Call(statement, (value,), TENANT) for value in values], 3 * sizes.repetitions, prepare=True)
        checks.that(f"watermark, {name}: the same rows", disagreements(answers, ["tracked"], "untracked") == 0)
        results[name] = summary(times, "untracked", arms)
        for arm in arms:
            against = [one / base for one, base in zip(arm.cpu, arms[0].cpu)]
            results[name][arm.name]["cpu_ratio"] = round(float(np.median(against)), 3)
    for arm, mark in zip(arms, ("restricted", server.CLEARANCE)):
        with arm.connection.transaction():
            arm.connection.execute(SCAN, (0,)).fetchall()
            found = arm.connection.execute("SELECT ward.watermark()::text").fetchone()[0]
        checks.that(f"watermark, {arm.name}: {mark}", found == mark)
    close(arms)
    return results
