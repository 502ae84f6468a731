"""Random statements over random graphs of derived tables, from sessions that take turns: after every commit, no visible
row has a label below the join of its sources', another tenant or owner than they, or a source that is gone.

The control arm runs the same statements over the same tables, protected alike but not derived: it must break the rule,
or this test could not see it broken.

WARD_SEED repeats a run (its default is always the same; `random` draws one), WARD_STEPS changes its length.
"""

import os
import random
import unittest
from collections import Counter

import graphs
import psycopg
from harness import World
from psycopg.pq import TransactionStatus
from statements import Copy, Writer

SEED = os.environ.get("WARD_SEED", "20260101")
SEED = random.randrange(10**6) if SEED == "random" else int(SEED)
STEPS = int(os.environ.get("WARD_STEPS", "10000"))
PER_GRAPH = 500
CLEARANCES = ("internal", "confidential{pii}", "secret{pii,hr}", "secret{pii,hr}")
ISOLATION = ("READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


class Session:
    """A connection that may be inside a transaction. What it does is drawn without looking at what came of it."""

    def __init__(self, db, schema, steward):
        self.db, self.steward, self.tenant, self.savepoint = db, steward, 1, False
        db.execute(f"SET search_path = {schema}, ward, public; SET lock_timeout = '3ms'; SET statement_timeout = '10s'")
        if steward:
            db.execute("SET ward.maintenance = 'test'")

    @property
    def status(self):
        return self.db.info.transaction_status

    def run(self, text, *parameters):
        """Runs a statement; the error, if there was one."""
        try:
            if isinstance(text, Copy):
                with self.db.cursor().copy(text) as copy:
                    copy.write(text.line)
            else:
                self.db.execute(text, parameters or None)
            return None
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.Error as error:
            if self.status == TransactionStatus.INERROR:
                if self.savepoint:
                    self.db.execute("ROLLBACK TO s")
                else:
                    self.db.execute("ROLLBACK")
            return error

    def begin(self, isolation):
        if self.status == TransactionStatus.IDLE:
            self.savepoint = False
            self.db.execute(f"BEGIN ISOLATION LEVEL {isolation}")

    def within(self, text):
        """Something that only a transaction has; whether it committed."""
        if self.status != TransactionStatus.INTRANS or (text == "ROLLBACK TO s" and not self.savepoint):
            return False
        error = self.run(text)
        self.savepoint = text in ("SAVEPOINT s", "ROLLBACK TO s") or (self.savepoint and error is not None)
        return text == "COMMIT" and error is None


class Arm:
    """One graph in one schema, with the sessions that write to it."""

    def __init__(self, world, tokens, number, derived):
        self.random = random.Random(f"{SEED}-{number}")
        self.world, self.tokens, self.schema = world, tokens, f"g{number}"
        self.counts, self.trace = Counter(), []
        self.tables = graphs.draw(self.random)
        self.admin = world.admin()
        self.admin.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE; CREATE SCHEMA {self.schema}")
        self.admin.execute(f"SET search_path = {self.schema}, ward, public; SET ward.maintenance = 'build'; SET lock_timeout = '5ms'")
        self.build(derived)
        self.sessions = [Session(world.app(), self.schema, False), Session(world.app(), self.schema, False),
                         Session(world.admin(), self.schema, True)]
        self.question = graphs.question(self.tables)
        for session in self.sessions:
            self.become(session)

    def build(self, derived):
        # Rows from before the derivation have labels of all kinds; the control arm begins with what obeys the rule.
        before = self.random.random() < 0.5
        drawn = random.Random(self.random.random())
        make = list(graphs.create(self.tables, drawn)) + list(graphs.protect(self.tables))
        fill = list(graphs.fill(self.tables, drawn, graphs.LABELS if derived else graphs.LABELS[:1]))
        derive = list(graphs.derive(self.tables)) if derived else []
        for text in make + (fill + derive if before else derive + fill):
            self.admin.execute(text)
        self.admin.execute(f"GRANT ALL ON SCHEMA {self.schema} TO app; GRANT ALL ON ALL TABLES IN SCHEMA {self.schema} TO app")

    def broken(self):
        try:
            return self.admin.execute(self.question, prepare=True).fetchall()
        except psycopg.errors.LockNotAvailable:
            return []  # a TRUNCATE that is not committed: the next question sees what came of it

    def play(self, steps):
        """Runs so many statements; yields after each commit."""
        done = 0
        while done < steps:
            session, choice = self.random.choice(self.sessions), self.random.random()
            if choice < 0.12:
                session.begin(self.random.choice(ISOLATION))
            elif choice < 0.20:
                text = self.random.choice(["COMMIT", "COMMIT", "COMMIT", "ROLLBACK"])
                self.trace.append((session, text))
                if session.within(text):
                    yield
            elif choice < 0.27:
                text = self.random.choice(["SAVEPOINT s", "ROLLBACK TO s", "RELEASE s"])
                self.trace.append((session, text))
                session.within(text)
            elif choice < 0.32 or not self.trace:
                self.become(session)
            else:
                done += 1
                if self.step(session):
                    yield
        for session in self.sessions:
            if session.within("COMMIT"):
                yield

    def become(self, session):
        session.tenant, clearance = self.random.choice(graphs.TENANTS), self.random.choice(CLEARANCES)
        self.trace.append((session, f"as {session.tenant} {clearance}"))
        if not session.steward:
            # Refused in a transaction that has written.
            session.run("SELECT set_config('ward.token', %s, false)", self.tokens[session.tenant, clearance])

    def step(self, session):
        """Whether something was committed."""
        kind, text = Writer(self.random, self.tables, session.tenant, session.steward).statement()
        error = session.run(text)
        self.trace.append((session, f"{text} -- {error or 'ok'}".replace("\n", " ")))
        if error is None:
            self.counts[kind] += 1
        else:
            detail = error.diag.message_detail or ""
            self.counts[detail[:5] if detail.startswith("WD") else error.sqlstate] += 1
            # A refusal is an answer; a lost connection (no SQLSTATE) or an internal error is none.
            if error.sqlstate is None or error.sqlstate.startswith("XX"):
                raise AssertionError(self.story()) from error
        return error is None and session.status == TransactionStatus.IDLE

    def story(self, length=25):
        names = {session: f"{'steward' if session.steward else 'app'} {number}" for number, session in enumerate(self.sessions)}
        tables = "\n".join(graphs.create(self.tables, random.Random())) + "\n" + "\n".join(graphs.derive(self.tables))
        return tables + "\n" + "\n".join(f"{names[session]}: {text}" for session, text in self.trace[-length:])

    def close(self):
        for session in self.sessions:
            session.db.close()
        self.admin.execute(f"DROP SCHEMA {self.schema} CASCADE")
        self.admin.close()


class Property(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("lineage_property", "SELECT")
        cls.addClassCleanup(cls.world.drop)
        cls.tokens = {(tenant, clearance): cls.world.token(tenant, clearance=clearance)
                      for tenant in graphs.TENANTS for clearance in CLEARANCES}
        print(f"      seed {SEED}, {STEPS} steps")

    def test_no_row_is_below_its_sources(self):
        counts, commits = Counter(), 0
        for number in range(-(-STEPS // PER_GRAPH)):
            arm = Arm(self.world, self.tokens, number, derived=True)
            self.assertEqual(arm.broken(), [], f"after the definition\n{arm.story()}")
            for _ in arm.play(min(PER_GRAPH, STEPS - number * PER_GRAPH)):
                commits += 1
                broken = arm.broken()
                if broken:
                    self.fail(f"seed {SEED}, graph {number}, statement {sum(arm.counts.values())}: {broken[:3]}\n{arm.story()}")
            self.assertEqual(arm.broken(), [], arm.story())
            counts += arm.counts
            arm.close()
        print(f"      {commits} commits; " + ", ".join(f"{kind} {count}" for kind, count in counts.most_common()))
        refused = sum(count for kind, count in counts.items() if kind.startswith("WD"))
        self.assertGreater(commits, STEPS // 10, "too little is committed for this to mean anything")
        self.assertGreater(refused, STEPS // 100, "attacks are missing")

    def test_control_without_derivation_breaks_the_rule(self):
        for number in range(min(3, -(-STEPS // PER_GRAPH))):
            arm = Arm(self.world, self.tokens, number, derived=False)
            self.assertEqual(arm.broken(), [])
            self.assertTrue(any(arm.broken() for _ in arm.play(PER_GRAPH)), "the question cannot see a broken rule")
            arm.close()


if __name__ == "__main__":
    unittest.main()
