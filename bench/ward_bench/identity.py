"""What a token costs: the first time a backend sees it, when it comes back, and at each further statement."""

import time

import numpy as np

from . import server
from .measure import Checks
from .settings import SEED, Sizes

# One function for each way, so that what PL/pgSQL costs is in all of them. Microseconds for one turn.
TURN = """
CREATE FUNCTION {name}(tokens text[], turns integer, OUT microseconds double precision) LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := clock_timestamp();
    count integer := array_length(tokens, 1);
    answer text;
BEGIN
    FOR turn IN 1..turns LOOP
        {body}
    END LOOP;
    microseconds := extract(epoch FROM clock_timestamp() - start) * 1e6 / turns;
END $$"""
NEXT = "tokens[1 + turn % count]"
TURNS = {
    # set and verify
    "turn_ward": f"answer := set_config('ward.token', {NEXT}, true); answer := ward.subject();",
    "turn_plain": f"answer := set_config('app.token', {NEXT}, true); answer := current_setting('app.token');",
    # only verify what is already set
    "check_ward": "answer := ward.subject();",
    "check_plain": "answer := current_setting('app.token');",
}


def micro(sizes: Sizes, mint: server.Mint) -> dict:
    """Inside the server, without client and network; each backend is new, so it has seen no token."""
    server.admin(server.WARD, *(f"DROP FUNCTION IF EXISTS {name}" for name in TURNS),
                 *(TURN.format(name=name, body=body) for name, body in TURNS.items()))

    def turn(connection, name: str, tokens: list[str], turns: int) -> float:
        return connection.execute(f"SELECT {name}(%s, %s)", (tokens, turns)).fetchone()[0]

    results = {}
    for algorithm in ("ES256", "RS256"):
        fresh = [mint.token(1, f"user{number}", algorithm, number) for number in range(sizes.tokens)]
        # A key, the registry and the function itself are first used by a token that is not counted.
        other = mint.token(1, "other", algorithm)
        rounds = {"first sight": [], "again": [], "unchanged": []}
        plain = {"first sight": [], "again": [], "unchanged": []}
        for _ in range(sizes.token_rounds):
            # One transaction: the token is set for it, as a pooler would.
            with server.connect(server.WARD, "bench_app", autocommit=False) as connection:
                for name in TURNS:
                    turn(connection, name, [other], 1)
                rounds["first sight"].append(turn(connection, "turn_ward", fresh, len(fresh)))
                plain["first sight"].append(turn(connection, "turn_plain", fresh, len(fresh)))
                rounds["again"].append(turn(connection, "turn_ward", fresh[:2], sizes.token_loops))
                plain["again"].append(turn(connection, "turn_plain", fresh[:2], sizes.token_loops))
                rounds["unchanged"].append(turn(connection, "check_ward", fresh[:1], sizes.token_loops))
                plain["unchanged"].append(turn(connection, "check_plain", fresh[:1], sizes.token_loops))
        results[algorithm] = {
            # The least disturbed round: what a busy machine adds is not ward's.
            name: {"ward_us": round(min(rounds[name]), 2), "plain_us": round(min(plain[name]), 2),
                   "rounds_us": [round(one, 2) for one in rounds[name]]}
            for name in rounds
        }
    return results


POINT = "SELECT i.amount FROM items i WHERE i.id = %s"


def transactions(sizes: Sizes, mint: server.Mint) -> dict:
    """A pooler's transaction: set the identity, one prepared point look-up, commit. Microseconds as the client sees."""
    tokens = [mint.token(1), mint.token(1, "second")]
    native = "SELECT set_config('app.tenant', '1', true), set_config('app.clearance', 'confidential', true), %s::text"
    ward = "SELECT set_config('ward.token', %s, true)"
    users = {"RLS": "bench_bare", "RLS, InitPlan": "bench_initplan"}
    arms = {name: (server.connect(server.NATIVE, user), native, tokens[:1]) for name, user in users.items()}
    arms["ward, same user"] = (server.connect(server.WARD, "bench_app"), ward, tokens[:1])
    arms["ward, two users in turn"] = (server.connect(server.WARD, "bench_app"), ward, tokens)
    random = np.random.default_rng(SEED)
    times: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(sizes.switches + 20):
        row = int(random.integers(1, sizes.items // 5)) * 5
        for index in random.permutation(len(arms)):
            name = list(arms)[index]
            connection, identify, turn = arms[name]
            start = time.perf_counter_ns()
            with connection.transaction():
                connection.execute(identify, (turn[number % len(turn)],), prepare=True)
                connection.execute(POINT, (row,), prepare=True).fetchall()
            if number >= 20:
                times[name].append((time.perf_counter_ns() - start) / 1000)
    for connection, _, _ in arms.values():
        connection.close()
    base = np.median(times["RLS"])
    return {name: {"p50_us": round(float(np.median(one)), 1), "p95_us": round(float(np.percentile(one, 95)), 1),
                   "ratio": round(float(np.median(one) / base), 3)} for name, one in times.items()}


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    results = {"micro": micro(sizes, mint), "transactions": transactions(sizes, mint)}
    checks.that("tokens were timed with both algorithms", len(results["micro"]) == 2)
    return results
