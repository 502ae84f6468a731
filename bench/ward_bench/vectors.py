"""The ten nearest of a tenant's vectors: one HNSW index that all tenants share, or one for each big tenant."""

import numpy as np

from . import server
from .data import Vectors, text_of
from .measure import Answers, Arm, Call, Checks, become_native, become_ward, close, conditions, interleave, summary
from .settings import SEED, Sizes

NEAREST = "SELECT d.id FROM docs d /*where*/ ORDER BY d.embedding <=> %s::vector LIMIT 10"
K = 10
RELAXED = ("SET hnsw.iterative_scan = relaxed_order",)


def arms_of(mint: server.Mint) -> list[Arm]:
    hand = conditions(("d",), label=False)
    return [
        Arm("hand-written", server.connect(server.NATIVE), spell=hand),
        Arm("hand-written, iterative", server.connect(server.NATIVE), spell=hand, before=RELAXED),
        Arm("RLS", server.connect(server.NATIVE, "bench_bare"), become=become_native),
        Arm("RLS, iterative", server.connect(server.NATIVE, "bench_bare"), become=become_native, before=RELAXED),
        Arm("RLS, InitPlan", server.connect(server.NATIVE, "bench_initplan"), become=become_native),
        Arm("ward", server.connect(server.WARD, "bench_app"), become=become_ward(mint)),
        Arm("ward, own indexes", server.connect(server.INDEXED, "bench_app"), become=become_ward(mint)),
    ]


def own_indexes(sizes: Sizes, data: Vectors) -> dict[str, int]:
    """Copies the protected table; there, each big tenant has an index of its own and the shared one is gone.

    Returns the bytes of the shared index and of all the others together.
    """
    counts = np.bincount(data.tenants)
    big = np.flatnonzero(counts >= sizes.big_tenant).tolist()
    server.copy_indexed("docs_hnsw", [
        f"CREATE INDEX docs_hnsw_{tenant} ON docs USING hnsw (embedding vector_cosine_ops)"
        f" WITH (m = 16, ef_construction = 64) WHERE tenant_id = {tenant}" for tenant in big])
    bytes_of = "SELECT coalesce(sum(pg_relation_size(oid)), 0)::bigint FROM pg_class WHERE relname LIKE 'docs_hnsw%'"
    with server.connect(server.NATIVE) as shared, server.connect(server.INDEXED) as own:
        return {"shared_index_bytes": shared.execute(bytes_of).fetchone()[0],
                "own_index_bytes": own.execute(bytes_of).fetchone()[0], "own_indexes": len(big)}


def questions(sizes: Sizes, data: Vectors, choose: str, where: str) -> list[tuple[int, np.ndarray]]:
    """Pairs of a tenant and a question: near one of its rows (own), or in a cluster that is not its own (foreign)."""
    random = np.random.default_rng(SEED + 2)
    counts = np.bincount(data.tenants, minlength=sizes.tenants + 1)
    present = np.flatnonzero(counts)
    pool = {"weighted": data.tenants, "big": np.flatnonzero(counts >= sizes.big_tenant), "uniform": present}[choose]
    pairs = []
    for _ in range(sizes.vector_calls):
        tenant = int(random.choice(pool))
        if where == "own":
            start = data.points[random.choice(np.flatnonzero(data.tenants == tenant))]
        else:
            start = data.centres[random.choice(np.setdiff1d(np.arange(sizes.clusters), data.own[tenant]))]
        pairs.append((tenant, data.around(random, start)))
    return pairs


def quality(answers: Answers, calls: list[Call], truth: list[list[int]], name: str) -> dict[str, float]:
    """Recall at k against the exact answer, and the share of calls that returned min(k, visible) rows."""
    recalls, filled = [], 0
    for answer, exact in zip(answers, truth):
        found = [row[0] for row in answer[name]]
        recalls.append(len(set(found) & set(exact)) / max(1, len(exact)))
        filled += len(found) == len(exact)
    return {"recall": round(float(np.mean(recalls)), 3), "k_fill": round(filled / len(calls), 3)}


def run(sizes: Sizes, mint: server.Mint, checks: Checks, data: Vectors) -> dict:
    results = {"indexes": own_indexes(sizes, data)}
    for choose, where in (("weighted", "own"), ("weighted", "foreign"), ("big", "own"), ("big", "foreign"), ("uniform", "own")):
        name = f"{choose} tenant, {where} region"
        pairs = questions(sizes, data, choose, where)
        calls = [Call(NEAREST, (text_of(question),), tenant) for tenant, question in pairs]
        truth = [data.nearest(tenant, question, K) for tenant, question in pairs]
        arms = arms_of(mint)
        times, answers = interleave(arms, calls, sizes.repetitions)
        results[name] = summary(times, "hand-written")
        for arm in arms:
            results[name][arm.name] |= quality(answers, calls, truth, arm.name)
        for arm in ("ward", "ward, own indexes"):
            checks.that(f"{name}, {arm}: min(k, visible) rows each time", results[name][arm]["k_fill"] == 1)
            checks.that(f"{name}, {arm}: no row of another tenant", all(
                data.tenants[row[0]] == call.tenant for call, answer in zip(calls, answers) for row in answer[arm]))
        close(arms)
    return results
