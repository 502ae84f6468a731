"""The switch test: identities change at random between statements of every kind; no answer may ever hold a row of the
wrong tenant or above the clearance, nor miss one. Most switches happen inside the server, the rest through a driver.

The control arm runs the same texts over native row security whose policy calls an IMMUTABLE helper that reads a setting,
as found in the wild: it is folded into cached plans and must leak here, or this harness could not see a leak.
"""

import os
import random
import unittest

import psycopg
from harness import HERE, TABLES, World, one

SWITCHES = int(os.environ.get("WARD_SWITCHES", "100000"))
SEED = int(os.environ.get("WARD_SEED", random.randrange(10**6)))
THROUGH_DRIVER = max(SWITCHES // 10, 100)
TENANTS, CLEARANCES = range(1, 6), ("public", "secret")

PROTECT = """
SELECT ward.protect('docs');
SELECT ward.protect('events', label => NULL);
CREATE FUNCTION switch_to(who int, local bool) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ward.token', (SELECT token FROM identity i WHERE i.who = switch_to.who), local);
END $$;
"""
# The defence that is commonly written by hand, and wrong: IMMUTABLE makes it fast, and stale.
NATIVE = """
CREATE FUNCTION current_tenant() RETURNS int IMMUTABLE LANGUAGE sql AS $$SELECT current_setting('app.tenant')::int$$;
DO $$
DECLARE t regclass;
BEGIN
    FOREACH t IN ARRAY '{docs,events,events_1,events_2,events_rest}'::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY p ON %s USING (tenant_id = current_tenant())', t);
    END LOOP;
END $$;
CREATE FUNCTION switch_to(who int, local bool) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.tenant', (SELECT tenant::text FROM identity i WHERE i.who = switch_to.who), local);
END $$;
"""
EXPECTED = """
INSERT INTO expected
SELECT who, number, (SELECT string_agg(DISTINCT tenant_id::text, ',') || ':' || count(*)
                     FROM (SELECT 'docs' AS base, tenant_id, label FROM docs
                           UNION ALL SELECT 'events', tenant_id, 'public' FROM events) r
                     WHERE r.base = s.base AND tenant_id = tenant AND label <@ clearance)
FROM identity, shape s
"""


class Arm:
    """One way of defending the same tables against the same questions."""

    def __init__(self, world, schema, defence, clearances):
        self.world, self.schema = world, schema
        with world.admin() as db:
            db.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}, ward")
            db.execute(TABLES)
            # Function owners are bound like everybody else; SECURITY DEFINER must not be a way out of native RLS either.
            db.execute((HERE / "switch.sql").read_text())
            who = [(t, c) for t in TENANTS for c in clearances]
            for number, (tenant, clearance) in enumerate(who, 1):
                db.execute("INSERT INTO identity VALUES (%s, %s, %s, %s)",
                           (number, world.token(tenant, clearance=clearance), tenant, clearance))
            db.execute(EXPECTED)
            db.execute(f"GRANT USAGE ON SCHEMA {schema} TO app; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO app")
            db.execute("ALTER FUNCTION events_definer() OWNER TO app")
            db.execute(defence)
        with self.connect() as db:
            self.identities = db.execute("SELECT who, token, tenant FROM identity ORDER BY 1").fetchall()
            self.shapes = db.execute("SELECT number, query FROM shape ORDER BY 1").fetchall()
            self.expected = {(w, s): text for w, s, text in db.execute("TABLE expected")}

    def connect(self):
        db = self.world.app(options=f"-c search_path={self.schema},ward")
        db.prepare_threshold = None
        return db

    def prepare(self, db):
        for number, query in db.execute("SELECT number, query FROM shape ORDER BY 1").fetchall():
            db.execute(f"PREPARE prepared_{number} AS {query}")

    def within_the_server(self, steps, seed):
        """Returns how many answers were wrong, and an example."""
        with self.connect() as db:
            self.prepare(db)
            db.execute("SELECT setseed(%s)", (seed % 1000 / 1000,))
            wrong = 0
            for generic in ("auto", "force_generic_plan"):
                db.execute(f"SET plan_cache_mode = {generic}")
                found, example = db.execute(f"CALL drive({steps // 2}, 0, NULL)").fetchone()
                wrong += found
                if found:
                    break
            return wrong, example

    def through_the_driver(self, steps, seed):
        driver = Driver(self, random.Random(seed))
        with self.connect() as driver.db:
            self.prepare(driver.db)
            for _ in range(steps):
                driver.step()
        return len(driver.wrong), driver.wrong[:1]


class Driver:
    """Random switches and questions over one connection, by every way that a driver has."""

    def __init__(self, arm, rng):
        self.arm, self.rng, self.wrong, self.db, self.n = arm, rng, [], None, 0
        self.ways = [self.simple, self.unnamed, self.named, self.named_binary, self.parameterless, self.sql_execute,
                     self.static, self.cursor, self.pipelined, self.pipelined]

    def step(self):
        self.n += 1
        who, token, tenant = self.rng.choice(self.arm.identities)
        number, query = self.rng.choice(self.arm.shapes)
        # Starting workers takes milliseconds: seldom, but often enough to count.
        way = self.parallel if self.n % 100 == 0 else self.rng.choice(self.ways)
        setting, value = ("app.tenant", str(tenant)) if self.arm.schema == "native" else ("ward.token", token)
        switch = (f"SELECT set_config('{setting}', %s, %s)", (value, self.rng.random() < 0.5))
        got = way(switch, number, query)
        if got != self.arm.expected[who, number]:
            self.wrong.append(f"{way.__name__}, {query}: got {got}, expected {self.arm.expected[who, number]}")

    def ask(self, switch, query, params=(), **how):
        with self.db.transaction():
            self.db.execute(*switch)
            return self.db.execute(query, params or None, **how).fetchone()[0]

    def simple(self, switch, number, query):
        return self.ask(switch, query)

    def unnamed(self, switch, number, query):
        return self.ask(switch, f"SELECT s FROM ({query}) q (s) WHERE %s", (True,))

    def named(self, switch, number, query):
        return self.ask(switch, f"SELECT s FROM ({query}) q (s) WHERE %s", (True,), prepare=True)

    def named_binary(self, switch, number, query):
        return self.ask(switch, f"SELECT s FROM ({query}) q (s) WHERE %s", (True,), prepare=True, binary=True)

    def parameterless(self, switch, number, query):
        return self.ask(switch, query, prepare=True)

    def sql_execute(self, switch, number, query):
        return self.ask(switch, f"EXECUTE prepared_{number}")

    def static(self, switch, number, query):
        return self.ask(switch, f"SELECT static_{number}()")

    def cursor(self, switch, number, query):
        with self.db.transaction():
            self.db.execute(*switch)
            with self.db.cursor(name="c") as cursor:
                cursor.execute(query)
                return cursor.fetchone()[0]

    def pipelined(self, switch, number, query):
        with self.db.pipeline(), self.db.transaction():
            self.db.execute(*switch)
            cursor = self.db.execute(query)
        return cursor.fetchone()[0]

    def parallel(self, switch, number, query):
        with self.db.transaction():
            self.db.execute(*switch)
            for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
                self.db.execute(f"SET LOCAL {setting} = 0")
            return self.db.execute(query).fetchone()[0]


class Switch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"      {SWITCHES} switches, WARD_SEED={SEED}", flush=True)
        cls.world = World("switch", "")
        cls.addClassCleanup(cls.world.drop)
        cls.warded = Arm(cls.world, "warded", PROTECT, CLEARANCES)
        # Native row security knows no labels here: one identity per tenant, cleared for everything.
        cls.native = Arm(cls.world, "native", NATIVE, ["secret"])

    def test_within_the_server(self):
        self.assertEqual(self.warded.within_the_server(SWITCHES - THROUGH_DRIVER, SEED), (0, None))

    def test_through_the_driver(self):
        self.assertEqual(self.warded.through_the_driver(THROUGH_DRIVER, SEED), (0, []))

    def test_control_native_row_security_leaks_within_the_server(self):
        self.assertGreater(self.native.within_the_server(2000, SEED)[0], 0)

    def test_control_native_row_security_leaks_through_the_driver(self):
        self.assertGreater(self.native.through_the_driver(500, SEED)[0], 0)
