"""Derived rows: against foreign keys and statements written by hand.

Most rows are made inside the server, from rows of an unprotected table: neither a client nor the parsing of vectors hides
what ward adds. COPY is how they are loaded in fact.
"""

import time

import numpy as np

from . import server
from .data import text_of
from .measure import Arm, Checks, become_ward, close, computed, summary
from .settings import SEED, Sizes

DIMENSIONS, TENANT = 384, 1
LOW, HIGH = "internal", server.CLEARANCE
COLUMNS = "tenant_id integer, label ward.label"
# Embeddings are made from snippets, passages from articles. These suffixes name their twins with a foreign key, and one that
# ward protects without derivation.
LINKED, ALONE = "_linked", "_alone"


def articles(sizes: Sizes) -> int:
    """How many articles of many passages: a fresh one for each turn of three kinds of work, of which one more warms up."""
    return 3 * (sizes.repetitions + 1)


def make(sizes: Sizes) -> None:
    random = np.random.default_rng(SEED)
    each = sizes.vectors // 10
    with server.connect(server.NATIVE) as connection:
        run = connection.execute
        run(f"CREATE TABLE points (id integer, embedding vector({DIMENSIONS}))")
        run("CREATE TABLE some_points (LIKE points)")
        with connection.cursor().copy("COPY some_points FROM STDIN") as copy:
            for number, point in enumerate(random.normal(size=(500, DIMENSIONS))):
                copy.write_row((number, text_of(point)))
        run(f"INSERT INTO points SELECT g, embedding FROM generate_series(1, {sizes.vectors}) g JOIN some_points p ON p.id = g % 500")
        run("DROP TABLE some_points")
        run(f"CREATE TABLE snippets (id integer PRIMARY KEY, {COLUMNS}, body text)")
        run(f"INSERT INTO snippets SELECT g, {TENANT}, '{LOW}', md5(g::text) FROM generate_series(1, {sizes.vectors}) g")
        for suffix, key in (("", ""), (LINKED, "REFERENCES snippets"), (ALONE, "")):
            run(f"CREATE TABLE embeddings{suffix} (id integer PRIMARY KEY, snippet_id integer {key}, {COLUMNS}, embedding vector({DIMENSIONS}))")
        for suffix in ("", LINKED):
            key = f"REFERENCES articles{suffix} ON DELETE CASCADE" if suffix else ""
            run(f"CREATE TABLE articles{suffix} (id integer PRIMARY KEY, {COLUMNS}, title text)")
            run(f"CREATE TABLE passages{suffix} (id integer PRIMARY KEY, article_id integer {key}, {COLUMNS}, body text)")
            run(f"INSERT INTO articles{suffix} SELECT g, {TENANT}, '{LOW}', 'title ' || g FROM generate_series(1, {articles(sizes) + each}) g")
            run(f"""INSERT INTO passages{suffix} SELECT g, 1 + (g - 1) / {each}, {TENANT}, '{LOW}', md5(g::text)
                    FROM generate_series(1, {articles(sizes) * each}) g""")
            run(f"CREATE INDEX ON passages{suffix} (article_id)")
        run("VACUUM ANALYZE")
        run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO bench_app")


def protect() -> None:
    server.admin(
        server.WARD,
        *(f"SELECT ward.protect('{table}')" for table in ("snippets", "articles", "embeddings_alone")),
        "SELECT ward.derive('embeddings', 'snippets', '{snippet_id}', '{id}')",
        "SELECT ward.derive('passages', 'articles', '{article_id}', '{id}')")


class Ways:
    """The same work in each arm; statements are texts with the arm's own names."""

    def __init__(self, mint: server.Mint, names: tuple[str, ...]):
        self.order = np.random.default_rng(SEED)
        self.arms = [Arm(name, server.connect(server.WARD if "ward" in name else server.NATIVE, "bench_app")) for name in names]
        for arm in self.arms:
            if "ward" in arm.name:
                become_ward(mint)(arm.connection, TENANT)

    def time(self, statements: dict[str, list[str]], tables: dict[str, str] | None = None, lines: bytes = b"") -> dict:
        """Each turn of the statements once per arm; the first warms up. Ratios are to the first arm.

        The arm's table in `tables` is emptied before each turn; `lines` are what a COPY is fed.
        """
        turns = len(next(iter(statements.values())))
        times: dict[str, list[list[float]]] = {arm.name: [[] for _ in range(turns - 1)] for arm in self.arms}
        for turn in range(turns):
            for number in self.order.permutation(len(self.arms)):
                arm = self.arms[number]
                if tables:
                    server.admin(server.WARD if "ward" in arm.name else server.NATIVE, "SET ward.maintenance = 'bench'",
                                 f"TRUNCATE {tables[arm.name]}", "CHECKPOINT")
                before, start = computed(arm), time.perf_counter_ns()
                if lines:
                    with arm.connection.cursor().copy(statements[arm.name][turn]) as copy:
                        copy.write(lines)
                else:
                    arm.connection.execute(statements[arm.name][turn])
                took, after = time.perf_counter_ns() - start, computed(arm)
                if turn:
                    times[arm.name][turn - 1].append(took / 1000)
                    if before is not None and after is not None:
                        arm.cpu.append(after - before)
        return summary(times, self.arms[0].name, self.arms)


def inserts(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    tables = {"plain": "embeddings", "foreign key": "embeddings_linked", "ward, protected": "embeddings_alone", "ward, derived": "embeddings"}
    results = {}
    # What ward fills in must be written by hand elsewhere.
    columns = {arm: "id, snippet_id, embedding" + ("" if "ward" in arm else ", tenant_id, label") for arm in tables}
    by_hand = {arm: "" if "ward" in arm else f", {TENANT}, '{LOW}'" for arm in tables}
    turns = sizes.repetitions + 1
    for name, source in (("ten of each source", "1 + id / 10"), ("one of each source", "id")):
        ways = Ways(mint, tuple(tables))
        results[f"insert {sizes.vectors:,} embeddings, {name}"] = ways.time(
            {arm: [f"INSERT INTO {table} ({columns[arm]}) SELECT id, {source}, embedding{by_hand[arm]} FROM points"] * turns
             for arm, table in tables.items()}, tables)
        checks.that(f"insert, {name}: every row has tenant and label of its source", inherited() == sizes.vectors)
        close(ways.arms)

    count = sizes.vectors // 5
    points = np.random.default_rng(SEED).normal(size=(50, DIMENSIONS))
    texts = [text_of(point) for point in points]
    lines = "".join(f"{number}\t{number}\t{texts[number % 50]}\t{TENANT}\t{LOW}\n" for number in range(1, count + 1)).encode()
    ways = Ways(mint, tuple(tables))
    results[f"COPY {count:,} embeddings, one of each source"] = ways.time(
        {arm: [f"COPY {table} (id, snippet_id, embedding, tenant_id, label) FROM STDIN"] * turns for arm, table in tables.items()},
        tables, lines)
    checks.that("COPY: every row has tenant and label of its source", inherited() == count)
    close(ways.arms)
    return results


def inherited() -> int:
    with server.connect(server.WARD) as connection:
        connection.execute("SET ward.maintenance = 'bench'")
        question = f"SELECT count(*) FROM embeddings WHERE label OPERATOR(ward.=) '{LOW}' AND tenant_id = {TENANT}"
        return connection.execute(question).fetchone()[0]


def follows(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    """What follows when an article of many passages changes."""
    turns, each, results = sizes.repetitions + 1, sizes.vectors // 10, {}
    first = {"raise": 1, "delete": 1 + turns}

    def by_hand(one: int) -> str:
        return (f"UPDATE articles SET label = '{HIGH}' WHERE id = {one};"
                f" UPDATE passages SET label = label OPERATOR(ward.+) '{HIGH}' WHERE article_id = {one}")

    def raised(one: int) -> str:
        return f"UPDATE articles SET label = '{HIGH}' WHERE id = {one}"

    ways = Ways(mint, ("by hand", "ward, derived"))
    ids = range(first["raise"], first["raise"] + turns)
    results[f"relabel an article of {each:,} passages"] = ways.time(
        {"by hand": [by_hand(one) for one in ids], "ward, derived": [raised(one) for one in ids]})
    close(ways.arms)

    ways = Ways(mint, ("foreign key", "by hand", "ward, derived"))
    ids = range(first["delete"], first["delete"] + turns)
    delete = "DELETE FROM articles{} WHERE id = {}"
    results[f"delete an article of {each:,} passages"] = ways.time({
        "foreign key": [delete.format(LINKED, one) for one in ids],
        "by hand": [f"DELETE FROM passages WHERE article_id = {one}; " + delete.format("", one) for one in ids],
        "ward, derived": [delete.format("", one) for one in ids]})
    close(ways.arms)

    with server.connect(server.WARD) as connection:
        connection.execute("SET ward.maintenance = 'bench'")
        rows = connection.execute("SELECT article_id, count(*), bool_and(label OPERATOR(ward.@>) %s) FROM passages GROUP BY 1", (HIGH,)).fetchall()
    found = {article: (count, high) for article, count, high in rows}
    checks.that("relabel: every passage followed", all(found[one] == (each, True) for one in range(first["raise"], first["delete"])))
    checks.that("delete: every passage is gone", not any(one in found for one in ids))

    # What touches neither key nor label.
    untouched = ids.stop
    work = {
        f"another column of {each:,} sources": [f"UPDATE articles{{}} SET title = title || '{turn}' WHERE id > {articles(sizes)}" for turn in range(turns)],
        f"another column of {each:,} derived rows": [f"UPDATE passages{{}} SET body = body || '{turn}' WHERE article_id = {untouched + turn}"
                                                     for turn in range(turns)],
    }
    for name, statements in work.items():
        ways = Ways(mint, ("plain", "foreign key", "ward, derived"))
        results[name] = ways.time({"plain": [one.format("") for one in statements], "foreign key": [one.format(LINKED) for one in statements],
                                   "ward, derived": [one.format("") for one in statements]})
        close(ways.arms)
    return results


def run(sizes: Sizes, mint: server.Mint, checks: Checks) -> dict:
    protect()
    return inserts(sizes, mint, checks) | follows(sizes, mint, checks)
