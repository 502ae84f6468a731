"""Plain table, tenant and label: point look-up, aggregate, join."""

import numpy as np

from . import server
from .measure import Call, Checks, close, disagreements, inside, interleave, standard_arms, summary
from .settings import SEED, Sizes

POINT = "SELECT i.amount FROM items i WHERE i.id = %s /*and*/"
AGGREGATE = "SELECT i.kind, count(*), sum(i.amount) FROM items i /*where*/ GROUP BY i.kind"
JOIN = """SELECT c.region, count(*), sum(i.amount) FROM customers c JOIN items i ON i.customer_id = c.id
          WHERE c.region < %s /*and*/ GROUP BY c.region"""
SMALL = 7


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    random = np.random.default_rng(SEED)
    ids = random.integers(1, sizes.items, sizes.point_calls).tolist()
    # Identifiers of tenant 1's rows, so that most look-ups find one.
    points = [Call(POINT, (one - one % 5 + 5,), 1) for one in ids]
    work = {
        "point look-up, planned each time": (points, ("i",), False),
        "point look-up, prepared": (points, ("i",), True),
        "aggregate over a small tenant": ([Call(AGGREGATE, (), SMALL)] * sizes.scan_calls, ("i",), False),
        "aggregate over a fifth of the table": ([Call(AGGREGATE, (), 1)] * max(3, sizes.scan_calls // 4), ("i",), False),
        "join of two protected tables": ([Call(JOIN, (3,), SMALL)] * sizes.scan_calls, ("c", "i"), False),
    }
    results = {}
    for name, (calls, aliases, prepare) in work.items():
        arms = standard_arms(mint, aliases, label=True)
        times, answers = interleave(arms, calls, sizes.repetitions, prepare, warm_up=min(len(calls), 10))
        results[name] = summary(times, "hand-written", arms)
        checks.that(f"{name}: every arm answers as the hand-written one",
                    disagreements(answers, [arm.name for arm in arms], "hand-written") == 0)
        close(arms)
    arms = standard_arms(mint, ("i",), label=True)
    keys = [call.parameters[0] for call in points]
    results["point look-up, inside the server"] = summary(
        inside(arms, POINT.replace("%s", "$1"), keys, 1, sizes.repetitions), "hand-written")
    close(arms)
    return results
