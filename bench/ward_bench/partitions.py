"""The same point look-up where each tenant has a partition of its own."""

import numpy as np

from . import server
from .measure import Call, Checks, close, disagreements, inside, interleave, standard_arms, summary
from .settings import SEED, Sizes

POINT = "SELECT p.amount FROM parts p WHERE p.id = %s /*and*/"


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    random = np.random.default_rng(SEED + 1)
    tenant = min(7, sizes.partitions - 1)
    numbers = random.integers(0, sizes.rows_per_partition, sizes.partition_calls).tolist()
    # id % partitions + 1 is the tenant.
    calls = [Call(POINT, (number * sizes.partitions + tenant - 1,), tenant) for number in numbers]
    results = {}
    for name, prepare in (("point look-up, planned each time", False), ("point look-up, prepared", True)):
        arms = standard_arms(mint, ("p",), label=True)
        times, answers = interleave(arms, calls, sizes.repetitions, prepare)
        results[name] = summary(times, "ward", arms)
        checks.that(f"{sizes.partitions} partitions, {name}: every arm answers as the hand-written one",
                    disagreements(answers, [arm.name for arm in arms], "hand-written") == 0)
        close(arms)
    arms = standard_arms(mint, ("p",), label=True)
    keys = [call.parameters[0] for call in calls]
    results["point look-up, inside the server"] = summary(
        inside(arms, POINT.replace("%s", "$1"), keys, tenant, sizes.repetitions), "ward")
    close(arms)
    return results
