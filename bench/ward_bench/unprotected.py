"""`pgbench -S` on tables that ward does not protect: what it costs those who do not use it."""

import os
import re
import subprocess
import sys

import numpy as np
import psycopg

from . import server
from .measure import Arm, Call, Checks, close, interleave
from .settings import SEED, Sizes

PLAIN, ELSEWHERE = "ward_bench_plain", "ward_bench_elsewhere"
PROTECTED = (
    "CREATE EXTENSION ward",
    "CREATE TABLE secrets (id integer PRIMARY KEY, tenant_id integer NOT NULL, label ward.label NOT NULL)",
)


def pgbench(environment: dict, *arguments: str) -> str:
    return subprocess.run(["pgbench", *arguments], env=os.environ | environment, check=True, capture_output=True,
                          text=True).stdout


def prepare(sizes: Sizes, mint: server.Mint) -> dict[str, dict]:
    """The arms: which server and database each is."""
    here = {"PGOPTIONS": server.SETTINGS}
    arms = {}
    for database in (PLAIN, ELSEWHERE):
        server.admin("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}")
    server.admin(ELSEWHERE, *PROTECTED, server.trust(mint), "SELECT ward.protect('secrets')")
    if server.BARE_HOST:
        bare = here | {"PGHOST": server.BARE_HOST, "PGPORT": server.BARE_PORT, "PGDATABASE": PLAIN}
        subprocess.run(["psql", "-Xqd", "postgres", "-c", f"DROP DATABASE IF EXISTS {PLAIN} WITH (FORCE)",
                        "-c", f"CREATE DATABASE {PLAIN}"], env=os.environ | bare, check=True)
        arms["ward not loaded"] = bare
    arms["loaded, not in this database"] = here | {"PGDATABASE": PLAIN}
    arms["loaded, another table protected"] = here | {"PGDATABASE": ELSEWHERE}
    for arm in arms.values():
        pgbench(arm, "-i", "-q", "-s", str(sizes.pgbench_scale))
    return arms


SELECT = "SELECT abalance FROM pgbench_accounts WHERE aid = %s"


def computing(sizes: Sizes, environments: dict[str, dict], prepare: bool) -> dict[str, float]:
    """Microseconds that the backend computes for one statement of pgbench -S, the arms interleaved call by call."""
    arms = []
    for name, one in environments.items():
        connection = psycopg.connect(host=one.get("PGHOST", os.environ["PGHOST"]), port=one.get("PGPORT", os.environ.get("PGPORT")),
                                     dbname=one["PGDATABASE"], options=one["PGOPTIONS"], autocommit=True)
        connection.prepare_threshold = sys.maxsize
        arms.append(Arm(name, connection))
    random = np.random.default_rng(SEED)
    calls = [Call(SELECT, (int(aid),), 0) for aid in random.integers(1, 100_000 * sizes.pgbench_scale, sizes.point_calls)]
    interleave(arms, calls, sizes.repetitions, prepare)
    close(arms)
    return {arm.name: min(arm.cpu) / 1000 for arm in arms}


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    arms = prepare(sizes, mint)
    reference = next(iter(arms))
    results = {}
    for mode in ("simple", "prepared"):
        rates: dict[str, list[float]] = {name: [] for name in arms}
        for number in range(sizes.pgbench_rounds + 1):
            turn = list(arms)
            turn = turn[number % len(turn):] + turn[:number % len(turn)]
            for name in turn:
                output = pgbench(arms[name], "-n", "-S", "-M", mode, "-T", str(sizes.pgbench_seconds),
                                 "--random-seed", "1")
                rate = float(re.search(r"tps = ([\d.]+)", output)[1])
                # The first round warms up.
                if number:
                    rates[name].append(rate)
        base = np.array(rates[reference])
        cpu = computing(sizes, arms, mode == "prepared")
        results[mode] = {
            name: {
                "tps": round(float(np.median(one)), 0),
                "ratio": round(float(np.median(base / np.array(one))), 3),
                "ratios": [round(float(ratio), 3) for ratio in base / np.array(one)],
                "cpu_us": round(cpu[name], 2),
                "cpu_ratio": round(cpu[name] / cpu[reference], 3),
            }
            for name, one in rates.items()
        }
        checks.that(f"pgbench -S -M {mode} ran on {len(arms)} arms", all(rate > 0 for one in rates.values() for rate in one))
    return results
