"""The ten nearest of a tenant's vectors through one HNSW index that all tenants share."""

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
    ]


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
    results = {}
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
        checks.that(f"{name}: ward returns min(k, visible) rows each time", results[name]["ward"]["k_fill"] == 1)
        checks.that(f"{name}: no row of another tenant", all(
            data.tenants[row[0]] == call.tenant for call, answer in zip(calls, answers) for row in answer["ward"]))
        close(arms)
    return results
