"""Masked columns: against a CASE written by hand, and what masks cost those who see the values."""

import numpy as np

from . import server
from .data import text_of
from .measure import Arm, Call, Checks, become_ward, close, conditions, disagreements, inside, interleave, summary
from .settings import SEED, Sizes

TENANT, SMALL = 1, 7
MASKS = {"ssn": 'partial(0,"***-**-",4)', "name": "constant(hidden)", "amount": "bucket(100)"}
# What a person writes into a view; the condition is a constant there as well.
BY_HAND = {
    "p.ssn": "CASE WHEN false THEN p.ssn ELSE '***-**-' || right(p.ssn, 4) END",
    "p.name": "CASE WHEN false THEN p.name ELSE 'hidden' END",
    "p.amount": "CASE WHEN false THEN p.amount ELSE p.amount / 100 * 100 END",
    "p.embedding": "CASE WHEN false THEN p.embedding END",
}
POINT = "SELECT p.id, [p.ssn], [p.name], [p.amount] FROM people p WHERE p.id = %s /*and*/"
SCAN = "SELECT p.kind, count(*), max([p.ssn]), sum([p.amount]) FROM people p /*where*/ GROUP BY p.kind"
JOIN = "SELECT k.title, count(*), min([p.ssn]), sum([p.amount]) FROM people p JOIN kinds k ON k.id = p.kind WHERE k.id < %s /*and*/ GROUP BY k.title"
NEAREST = "SELECT p.id, [p.ssn], [p.embedding] FROM badges p /*where*/ ORDER BY p.embedding <=> %s::vector LIMIT 10"


def make(sizes: Sizes) -> None:
    """`people` (a fifth belongs to tenant 1), `kinds`, and `badges` with vectors, each a second time without masks."""
    random = np.random.default_rng(SEED)
    tenant = f"CASE WHEN g % 5 = 0 THEN 1 ELSE 1 + (g * 2654435761 / 97) % {sizes.tenants} END::int"
    with server.connect(server.NATIVE) as connection:
        connection.execute(f"""CREATE TABLE people AS
            SELECT g AS id, {tenant} AS tenant_id, g % 20 AS kind, (g % 10000)::int AS amount, 'person ' || md5(g::text) AS name,
                   format('900-%s-%s', lpad((g % 90 + 10)::text, 2, '0'), lpad((g % 10000)::text, 4, '0')) AS ssn
            FROM generate_series(1, {sizes.items}::bigint) g""")
        connection.execute("CREATE TABLE kinds AS SELECT g::bigint AS id, 'kind ' || g AS title FROM generate_series(0, 19) g")
        connection.execute(f"CREATE TABLE badges (id int, tenant_id int, ssn text, embedding vector({sizes.dimensions}))")
        with connection.cursor().copy("COPY badges FROM STDIN") as copy:
            for number, point in enumerate(random.normal(size=(sizes.vectors // 5, sizes.dimensions))):
                copy.write_row((number, 1 + number % 3, f"900-11-{number % 10000:04}", text_of(point)))
        for table in ("people", "badges"):
            connection.execute(f"CREATE TABLE {table}_bare AS TABLE {table}")
            for name in (table, f"{table}_bare"):
                connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
                connection.execute(f"CREATE INDEX ON {name} (tenant_id)")
        for name in ("badges", "badges_bare"):
            connection.execute(f"CREATE INDEX ON {name} USING hnsw (embedding vector_cosine_ops)")
        for name in ("people", "people_bare", "badges", "badges_bare", "kinds"):
            connection.execute(f"VACUUM ANALYZE {name}")
            connection.execute(f"GRANT SELECT ON {name} TO bench_app")


def protect() -> None:
    server.admin(
        server.WARD,
        *(f"SELECT ward.protect('{table}', label => NULL)" for table in ("people", "people_bare", "badges", "badges_bare")),
        *(f"SELECT ward.mask('people', '{column}', '{method}', 'restricted')" for column, method in MASKS.items()),
        f"SELECT ward.mask('badges', 'ssn', '{MASKS['ssn']}', 'restricted')",
        "SELECT ward.mask('badges', 'embedding', 'search_only', 'restricted')")


def plain(statement: str) -> str:
    return statement.replace("[", "").replace("]", "").replace("/*and*/", "").replace("/*where*/", "")


def bare(statement: str) -> str:
    return plain(statement).replace("people p", "people_bare p").replace("badges p", "badges_bare p")


def by_hand(statement: str, tenant: int, masked: bool) -> str:
    for column, case in BY_HAND.items():
        statement = statement.replace(f"[{column}]", f"({case})" if masked else column)
    return conditions(("p",), label=False)(statement, tenant)


def arms(mint: server.Mint) -> list[Arm]:
    """The first two show masks, the others values."""
    ward = lambda: server.connect(server.WARD, "bench_app")  # noqa: E731
    cleared = become_ward(mint, "restricted")
    return [
        Arm("CASE by hand", server.connect(server.NATIVE), spell=lambda text, tenant: by_hand(text, tenant, True)),
        Arm("ward, masked", ward(), spell=lambda text, _: plain(text), become=become_ward(mint)),
        Arm("ward, cleared", ward(), spell=lambda text, _: plain(text), become=cleared),
        Arm("ward, no masks", ward(), spell=lambda text, _: bare(text), become=cleared),
    ]


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    protect()
    random = np.random.default_rng(SEED)
    ids = random.integers(1, sizes.items // 5, sizes.point_calls) * 5
    questions = random.normal(size=(sizes.vector_calls, sizes.dimensions))
    work = {
        "point look-up, planned each time": ([Call(POINT, (int(one),), TENANT) for one in ids], False),
        "point look-up, prepared": ([Call(POINT, (int(one),), TENANT) for one in ids], True),
        "scan of a fifth of the table": ([Call(SCAN, (), TENANT)] * max(3, sizes.scan_calls // 4), False),
        "scan of a small tenant": ([Call(SCAN, (), SMALL)] * sizes.scan_calls, False),
        "join": ([Call(JOIN, (5,), SMALL)] * sizes.scan_calls, False),
        "nearest neighbours": ([Call(NEAREST, (text_of(one),), 1) for one in questions], False),
    }
    results = {}
    for name, (calls, prepare) in work.items():
        every = arms(mint)
        times, answers = interleave(every, calls, sizes.repetitions, prepare, warm_up=min(len(calls), 10))
        masked, values = ["CASE by hand", "ward, masked"], ["ward, cleared", "ward, no masks"]
        if name == "nearest neighbours":
            # Approximate indexes, built separately: which rows are found is not the same for all arms.
            for arm, shown in (("ward, masked", False), ("ward, cleared", True)):
                checks.that(f"{name}: {arm}: vectors are {'shown' if shown else 'hidden'}",
                            all((row[2] is not None) == shown for answer in answers for row in answer[arm]))
        else:
            checks.that(f"{name}: ward's masks are those of the CASE", disagreements(answers, masked, masked[0]) == 0)
            checks.that(f"{name}: the cleared see the values", disagreements(answers, values, values[1]) == 0)
        results[name] = summary(times, "CASE by hand", every)
        cleared = summary({arm: times[arm] for arm in values}, "ward, no masks", [arm for arm in every if arm.name in values])
        results[name]["ward, cleared"] |= {"against_no_masks": cleared["ward, cleared"]["ratio"],
                                           "cpu_against_no_masks": cleared["ward, cleared"].get("cpu_ratio")}
        close(every)
    every = arms(mint)
    results["point look-up, inside the server"] = summary(
        inside(every, POINT.replace("%s", "$1"), [int(one) for one in ids], TENANT, sizes.repetitions), "CASE by hand")
    close(every)
    return results
