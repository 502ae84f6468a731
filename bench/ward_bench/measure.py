"""Arms, interleaving, statistics."""

import gc
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np

from . import server
from .settings import SEED


@dataclass
class Arm:
    """One way of doing the work: a connection and how the identity and the statement reach it."""

    name: str
    connection: Any
    # adds the conditions that a person would write: (statement, tenant) → statement
    spell: Callable[[str, int], str] = lambda statement, _tenant: statement.replace("/*and*/", "").replace("/*where*/", "")
    # makes the tenant this connection's; not part of what is measured
    become: Callable[[Any, int], None] = lambda _connection, _tenant: None
    before: tuple[str, ...] = ()
    tenant: int | None = field(default=None, init=False)
    # what the backend has computed for each repetition, in nanoseconds
    cpu: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for statement in self.before:
            self.connection.execute(statement)

    def call(self, statement: str, parameters: tuple, tenant: int, prepare: bool) -> tuple[int, list]:
        """Runs it; nanoseconds from sending to the last row, and the rows."""
        if tenant != self.tenant:
            self.become(self.connection, tenant)
            self.tenant = tenant
        text = self.spell(statement, tenant)
        start = time.perf_counter_ns()
        rows = self.connection.execute(text, parameters, prepare=prepare).fetchall()
        return time.perf_counter_ns() - start, rows


def conditions(aliases: tuple[str, ...], label: bool) -> Callable[[str, int], str]:
    """The conditions written by hand, for each alias, in place of the statement's `/*and*/` or `/*where*/`."""
    def spell(statement: str, tenant: int) -> str:
        parts = [f"{alias}.tenant_id = {tenant}" + (f" AND {alias}.label OPERATOR(ward.<@) '{server.CLEARANCE}'::ward.label" if label else "")
                 for alias in aliases]
        text = " AND ".join(parts)
        return statement.replace("/*and*/", f"AND {text}").replace("/*where*/", f"WHERE {text}")
    return spell


def become_native(connection: Any, tenant: int) -> None:
    connection.execute("SELECT set_config('app.tenant', %s, false), set_config('app.clearance', %s, false)",
                       (str(tenant), server.CLEARANCE))


def become_ward(mint: server.Mint, clearance: str = server.CLEARANCE) -> Callable[[Any, int], None]:
    def become(connection: Any, tenant: int) -> None:
        connection.execute("SELECT set_config('ward.token', %s, false)", (mint.token(tenant, clearance=clearance),))
        connection.execute("SELECT ward.subject()")
    return become


def standard_arms(mint: server.Mint, aliases: tuple[str, ...], label: bool) -> list[Arm]:
    """Hand-written (a superuser, whom row security does not bind), native row security twice, ward."""
    return [
        Arm("hand-written", server.connect(server.NATIVE), spell=conditions(aliases, label)),
        Arm("RLS", server.connect(server.NATIVE, "bench_bare"), become=become_native),
        Arm("RLS, InitPlan", server.connect(server.NATIVE, "bench_initplan"), become=become_native),
        Arm("ward", server.connect(server.WARD, "bench_app"), become=become_ward(mint)),
    ]


def close(arms: list[Arm]) -> None:
    for arm in arms:
        arm.connection.close()


def computed(arm: Arm) -> int | None:
    """How long this arm's backend has been on a processor so far, in nanoseconds; None if it cannot be read here.

    Waiting for a processor does not count, so this tells arms apart even on a busy machine.
    """
    try:
        return int(Path(f"/proc/{arm.connection.info.backend_pid}/schedstat").read_text().split()[0])
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Call:
    statement: str
    parameters: tuple
    tenant: int


Answers = list[dict[str, list]]


def interleave(arms: list[Arm], calls: list[Call], repetitions: int, prepare: bool = False,
               warm_up: int = 10) -> tuple[dict[str, list[list[float]]], Answers]:
    """Every call by every arm, in an order drawn anew for each call.

    Returns microseconds by arm and repetition, and the answers of the last repetition.
    """
    order = np.random.default_rng(SEED)
    for arm in arms:
        for call in calls[:warm_up]:
            arm.call(call.statement, call.parameters, call.tenant, prepare)
    times: dict[str, list[list[float]]] = {arm.name: [] for arm in arms}
    answers: Answers = []
    gc.collect()
    gc.disable()
    for _ in range(repetitions):
        answers = []
        before = {arm.name: computed(arm) for arm in arms}
        for arm in arms:
            times[arm.name].append([])
        for call in calls:
            answer = {}
            for number in order.permutation(len(arms)):
                arm = arms[number]
                nanoseconds, answer[arm.name] = arm.call(call.statement, call.parameters, call.tenant, prepare)
                times[arm.name][-1].append(nanoseconds / 1000)
            answers.append(answer)
        note_computed(arms, before, len(calls))
    gc.enable()
    return times, answers


def note_computed(arms: list[Arm], before: dict[str, int | None], calls: int) -> None:
    """Notes nanoseconds per call. Only where one arm's connection serves one arm, and no identity was set meanwhile."""
    for arm in arms:
        after = computed(arm)
        if after is not None and before[arm.name] is not None:
            arm.cpu.append((after - before[arm.name]) // calls)


INSIDE = """
CREATE FUNCTION bench_inside(statement text, keys bigint[], OUT microseconds double precision[]) LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz;
    key bigint;
BEGIN
    FOREACH key IN ARRAY keys LOOP
        start := clock_timestamp();
        EXECUTE statement USING key;
        microseconds := microseconds || extract(epoch FROM clock_timestamp() - start)::double precision * 1e6;
    END LOOP;
END $$"""
BATCH = 10


def inside(arms: list[Arm], statement: str, keys: list[int], tenant: int, repetitions: int) -> dict[str, list[list[float]]]:
    """The statement for each key, planned each time, timed within the server: without client and network.

    `statement` has `$1` for the key. Arms take turns after each BATCH of keys.
    """
    order = np.random.default_rng(SEED)
    call = "SELECT bench_inside(%s, %s)"
    times: dict[str, list[list[float]]] = {arm.name: [] for arm in arms}
    for repetition in range(repetitions + 1):
        # The first warms up.
        part = keys if repetition else keys[:BATCH]
        for arm in arms:
            times[arm.name].append([])
        for first in range(0, len(part), BATCH):
            for number in order.permutation(len(arms)):
                arm = arms[number]
                _, rows = arm.call(call, (arm.spell(statement, tenant), part[first:first + BATCH]), tenant, prepare=True)
                times[arm.name][-1] += rows[0][0]
    return {name: every[1:] for name, every in times.items()}


def summary(times: dict[str, list[list[float]]], reference: str, arms: list[Arm] = ()) -> dict[str, dict]:
    """p50 and p95 in microseconds, and ratios of medians to the reference arm, with their spread over repetitions.

    With `arms`, also the computing time of the backend per call: the least disturbed repetition.
    """
    result = {}
    for name, repetitions in times.items():
        every = np.concatenate([np.array(one) for one in repetitions])
        ratios = [float(np.median(one) / np.median(base)) for one, base in zip(repetitions, times[reference])]
        result[name] = {
            "p50_us": round(float(np.median(every)), 1),
            "p95_us": round(float(np.percentile(every, 95)), 1),
            "ratio": round(float(np.median(every) / np.median(np.concatenate(times[reference]))), 3),
            "ratios": [round(one, 3) for one in ratios],
            "calls": len(every),
        }
    cpu = {arm.name: min(arm.cpu) / 1000 for arm in arms if arm.cpu}
    for name, one in cpu.items():
        result[name] |= {"cpu_us": round(one, 1), "cpu_ratio": round(one / cpu[reference], 3)}
    return result


def disagreements(answers: Answers, arms: list[str], reference: str) -> int:
    """How many answers differ from the reference's, as sets of rows."""
    return sum(sorted(answer[name]) != sorted(answer[reference]) for answer in answers for name in arms)


def load() -> list[float]:
    """The machine's load averages over 1, 5 and 15 minutes."""
    return [round(one, 2) for one in os.getloadavg()]


class Checks:
    """What the run asserts about answers; figures are never asserted."""

    def __init__(self) -> None:
        self.passed, self.failed = 0, 0

    def that(self, text: str, good: bool) -> None:
        self.passed += good
        self.failed += not good
        print(f"    {'ok    ' if good else 'NOT OK'}  {text}", flush=True)
