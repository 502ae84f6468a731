"""What drivers do beyond plain queries: portals, cursors, pipelines, COPY, parallel workers."""

import re

import psycopg
from harness import WardTest, be, one, tenants
from wire import SYNC, Wire, bind, call, execute, parse, query

ALL = "SELECT tenant_id FROM docs WHERE id > $1"


class Portals(WardTest):
    """Portals that hold rows back (Execute with a row limit): their identity stays theirs."""

    def setUp(self):
        self.wire = Wire(self.world.name, "app")
        self.addCleanup(self.wire.close)
        self.one, self.two = self.world.token(1), self.world.token(2)

    def run_all(self, *messages):
        self.wire.send(*messages)
        return self.wire.answers()

    def test_a_suspended_portal_refuses_a_switch_and_shows_nothing_of_another_tenant(self):
        self.run_all(query(f"BEGIN; SET LOCAL ward.token = '{self.one}'"))
        first = self.run_all(parse(ALL), bind("p", values=["0"]), execute("p", 3), SYNC)
        self.assertEqual(first, [["1"]] * 3 + ["suspended"])
        # One packet: the switch, and more of the suspended portal. The switch fails, so nothing after it runs.
        answers = self.run_all(parse("SELECT set_config('ward.token', $1, true)"), bind("", values=[self.two]), execute(),
                               execute("p", 3), SYNC)
        self.assertEqual([a["D"][:5] for a in answers if isinstance(a, dict)], ["WD033"])
        self.assertFalse([a for a in answers if isinstance(a, list)])

    def test_a_suspended_portal_goes_on_for_its_own_identity(self):
        self.run_all(query(f"BEGIN; SET LOCAL ward.token = '{self.one}'"))
        got = []
        for step in range(50):
            start = [parse(ALL), bind("p", values=["0"])] if step == 0 else []
            answers = self.run_all(*start, execute("p", 7), SYNC)
            got += [a for a in answers if isinstance(a, list)]
            if answers[-1] == "complete":
                break
        self.assertEqual(got, [["1"]] * 60)

    def test_a_portal_bound_before_the_switch_is_not_run_after_it(self):
        # All in one packet: bound under tenant 1, switched, executed. Either is right: refused, or tenant 2's rows.
        self.run_all(query(f"SET ward.token = '{self.one}'"))
        answers = self.run_all(parse(ALL), bind("p", values=["0"]),
                               parse("SELECT set_config('ward.token', $1, false)", "switch"),
                               bind("s", "switch", [self.two]), execute("s"), execute("p"), SYNC)
        rows = [a[0] for a in answers if isinstance(a, list) and a[0] in "12345"]
        errors = [a["D"][:5] for a in answers if isinstance(a, dict)]
        self.assertTrue(errors == ["WD033"] and not rows or set(rows) == {"2"}, answers)

    def test_control_an_unprotected_portal_shows_every_tenant(self):
        answers = self.run_all(parse(ALL.replace("docs", "docs_open")), bind("p", values=["0"]), execute("p", 10), SYNC)
        self.assertGreater(len({a[0] for a in answers if isinstance(a, list)}), 1)

    def test_a_statement_parsed_for_one_identity_runs_for_another(self):
        self.run_all(query(f"SET ward.token = '{self.one}'"), )
        self.run_all(parse(ALL, "named"), bind("", "named", ["0"]), execute(), SYNC)
        for _ in range(7):  # beyond the point where PostgreSQL would take a generic plan
            for token, tenant in ((self.two, "2"), (self.one, "1")):
                self.run_all(query(f"SET ward.token = '{token}'"))
                rows = self.run_all(bind("", "named", ["0"]), execute(), SYNC)
                self.assertEqual({a[0] for a in rows if isinstance(a, list)}, {tenant})


class SameStatement(WardTest):
    """A statement that changes the identity while it runs, or while it is planned, mixes nothing."""

    CHANGES = ["set_config('ward.token', '{}', true) <> ''", "in_planning('{}')", "when_stable('{}')", "per_row('{}')"]
    QUERIES = [
        "SELECT tenant_id FROM docs WHERE {}",
        "SELECT tenant_id FROM docs_open WHERE {} AND id IN (SELECT id FROM docs)",
        "WITH s AS MATERIALIZED (SELECT {} AS x) SELECT tenant_id FROM s, docs WHERE x",
        "WITH s AS MATERIALIZED (SELECT tenant_id FROM docs LIMIT 9) SELECT tenant_id FROM s WHERE {}",
        "SELECT tenant_id FROM docs WHERE {} UNION ALL SELECT tenant_id FROM docs",
        "SELECT d.tenant_id FROM docs_open o JOIN docs d ON d.id = o.id AND {}",
        "SELECT tenant_id FROM docs ORDER BY ({}), 1 LIMIT 4",
        "SELECT tenant_id FROM docs GROUP BY 1 HAVING {}",
        "SELECT tenant_id FROM docs LIMIT (SELECT CASE WHEN {} THEN 300 END)",
        "SELECT tenant_id FROM rows_then('{}')",
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.world.admin() as db:
            for name, kind in (("in_planning", "IMMUTABLE"), ("when_stable", "STABLE"), ("per_row", "VOLATILE")):
                db.execute(f"CREATE FUNCTION {name}(t text) RETURNS bool {kind} LANGUAGE plpgsql AS "
                           "$$BEGIN PERFORM set_config('ward.token', t, true); RETURN true; END$$")
            db.execute("""
                CREATE FUNCTION rows_then(t text) RETURNS SETOF docs LANGUAGE plpgsql AS $$
                DECLARE
                    c CURSOR FOR SELECT * FROM docs;
                    d docs;
                BEGIN
                    FOR step IN 1..4 LOOP
                        IF step = 1 THEN OPEN c; END IF;
                        FETCH c INTO d;
                        RETURN NEXT d;
                        PERFORM set_config('ward.token', t, true);
                    END LOOP;
                END $$""")

    def test_no_answer_mixes_identities(self):
        mine, other = self.world.token(1), self.world.token(2)
        for query_ in self.QUERIES:
            for change in self.CHANGES:
                text = query_.format(other if "rows_then" in query_ else change.format(other))
                with self.subTest(query_.format(change)), self.world.app(mine) as db:
                    try:
                        seen = {row[0] for row in db.execute(text)}
                        self.assertIn(seen, (set(), {1}, {2}))
                    except psycopg.Error as error:
                        self.assertCode(error, "WD033", "25001")
                    be(db, mine)
                    self.sees_only(db, 1)

    def test_control_row_security_over_a_setting_mixes(self):
        with self.world.admin() as db:
            db.execute("""CREATE TABLE native AS TABLE docs_open;
                GRANT SELECT ON native TO app;
                ALTER TABLE native ENABLE ROW LEVEL SECURITY;
                CREATE POLICY p ON native USING (tenant_id = current_setting('app.tenant')::int)""")
        with self.world.app() as db:
            db.execute("SET app.tenant = 1")
            seen = db.execute("SELECT tenant_id FROM native WHERE set_config('app.tenant', (1 + id % 2)::text, true) <> ''")
            self.assertEqual({row[0] for row in seen}, {1, 2})


class FunctionCalls(WardTest):
    """The protocol's function call message runs a function without a statement."""

    def test_function_call_message(self):
        with self.world.admin() as db:
            functions = {name: one(db, "SELECT %s::regprocedure::oid", (name,)) for name in (
                "query_to_xml(text,boolean,boolean,text)", "table_to_xml(regclass,boolean,boolean,text)",
                "set_config(text,text,boolean)")}
        wire = Wire(self.world.name, "app")
        self.addCleanup(wire.close)

        def ask(name, *arguments):
            wire.send(call(functions[name], *arguments))
            return wire.answers()

        every_query = ("query_to_xml(text,boolean,boolean,text)", "SELECT DISTINCT tenant_id FROM docs", "f", "f", "")
        self.assertEqual(ask(*every_query)[0]["D"][:5], "WD000")
        ask("set_config(text,text,boolean)", "ward.token", self.world.token(3), "f")
        for question in (every_query, ("table_to_xml(regclass,boolean,boolean,text)", "docs", "f", "f", "")):
            shown = ask(*question)[0][0]
            self.assertEqual(set(re.findall("<tenant_id>(.)</tenant_id>", shown)), {"3"})


class Cursors(WardTest):
    def test_fetch_after_every_attempt_to_switch(self):
        w = self.world
        other = w.token(2)
        attempts = {
            "SET LOCAL": f"SET LOCAL ward.token = '{other}'",
            "SET": f"SET ward.token = '{other}'",
            "RESET": "RESET ward.token",
            "RESET ALL": "RESET ALL",
            "empty": "SET ward.token = ''",
            "set_config": f"SELECT set_config('ward.token', '{other}', true)",
            "set_config NULL": "SELECT set_config('ward.token', NULL, true)",
            "login": f"SELECT ward.login('{other}')",
            "logout": "SELECT ward.logout()",
            "function": f"DO $$BEGIN PERFORM set_config('ward.token', '{other}', true); END$$",
            "in the FETCH": f"FETCH 2 FROM c; SET LOCAL ward.token = '{other}'; FETCH 2 FROM c",
        }
        for name, attempt in attempts.items():
            with self.subTest(name), w.app(w.token(1)) as db, db.transaction(force_rollback=True):
                db.execute("DECLARE c CURSOR FOR SELECT tenant_id FROM docs")
                self.assertEqual(db.execute("FETCH 2 FROM c").fetchall(), [(1,), (1,)])
                try:
                    with db.transaction():
                        db.execute(attempt)
                except psycopg.Error as error:
                    self.assertCode(error, "WD033")
                try:
                    self.assertEqual(db.execute("FETCH 3 FROM c").fetchall(), [(1,)] * 3)
                except psycopg.Error as error:
                    # Nothing refuses set_config(…, NULL) itself; then the rows are.
                    self.assertIn(error.sqlstate, ("28000", "25001"))

    def test_cursor_with_hold_is_refused(self):
        with self.world.app(self.world.token(1)) as db, self.refused("WD034", "0A000"):
            db.execute("DECLARE c CURSOR WITH HOLD FOR SELECT * FROM docs")

    def test_rows_do_not_outlive_their_transaction_in_a_loop(self):
        # COMMIT inside the loop would keep the rows in memory, where nothing looks at the identity any more.
        loop = "DO $$DECLARE r record; BEGIN FOR r IN SELECT id FROM {} LOOP COMMIT; END LOOP; END$$"
        with self.world.app(self.world.token(1)) as db:
            with self.refused("WD034", "0A000"):
                db.execute(loop.format("docs"))
            db.execute(loop.format("docs_open"))  # the control

    def test_server_side_cursor_of_the_driver(self):
        with self.world.app(self.world.token(3)) as db, db.transaction():
            with db.cursor(name="many") as cursor:
                cursor.itersize = 7
                cursor.execute("SELECT tenant_id FROM docs")
                self.assertEqual([row[0] for row in cursor], [3] * 60)

    def test_stream_row_by_row(self):
        with self.world.app(self.world.token(3)) as db:
            self.assertEqual({row[0] for row in db.cursor().stream("SELECT tenant_id FROM docs")}, {3})


class Pipelines(WardTest):
    def test_identities_follow_each_other_in_one_pipeline(self):
        who = [1, 2, 3, 2, 1, 5, 4]
        with self.world.app() as db:
            tokens = {n: self.world.token(n) for n in set(who)}
            with db.pipeline():
                answers = []
                for n in who:
                    with db.transaction():
                        be(db, tokens[n], local=True)
                        answers.append(db.execute("SELECT DISTINCT tenant_id FROM docs WHERE id > %s", (0,), prepare=True))
                self.assertEqual([a.fetchall() for a in answers], [[(n,)] for n in who])

    def test_what_follows_a_refused_switch_does_not_run(self):
        with self.world.app(self.world.token(1)) as db:
            with self.refused("WD033"), db.pipeline(), db.transaction():
                db.execute("INSERT INTO notes (id, body) VALUES (9100, 'mine')")
                be(db, self.world.token(2))
                db.execute("INSERT INTO notes (id, body) VALUES (9101, 'whose?')")
            self.assertEqual(one(db, "SELECT count(*) FROM notes WHERE id >= 9100"), 0)


class Copy(WardTest):
    def test_copy_to_shows_only_the_tenant(self):
        with self.world.app(self.world.token(2)) as db:
            for source in ("docs (tenant_id)", "(SELECT tenant_id FROM docs)", "events (tenant_id)"):
                with self.subTest(source), db.cursor() as cursor, cursor.copy(f"COPY {source} TO STDOUT") as copy:
                    self.assertEqual({row[0] for row in copy.rows()}, {"2"})
            with db.cursor() as cursor, cursor.copy("COPY docs_open (tenant_id) TO STDOUT") as copy:
                self.assertEqual(len({row[0] for row in copy.rows()}), 5)  # the control

    def test_copy_without_a_token_is_refused(self):
        with self.world.app() as db:
            for statement in ("COPY docs TO STDOUT", "COPY (TABLE docs) TO STDOUT", "COPY docs FROM STDIN"):
                with self.subTest(statement), self.refused("WD000"), db.cursor() as cursor, cursor.copy(statement) as copy:
                    if "FROM" in statement:
                        copy.write_row((1, 1, None, "x"))
                    else:
                        copy.read()

    def load(self, db, columns, rows, binary=False):
        """COPY FROM into docs; returns the number of rows that the server says it took."""
        format_ = "(FORMAT binary)" if binary else ""
        with db.cursor() as cursor:
            with cursor.copy(f"COPY docs ({columns}) FROM STDIN {format_}") as copy:
                if binary:
                    copy.set_types(["int4", "int4", "text"])
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def test_copy_from_fills_and_checks(self):
        w = self.world
        with w.app(w.token(2)) as db, w.admin() as admin:
            self.assertEqual(self.load(db, "id, body", [(5000 + n, "filled") for n in range(50)]), 50)
            self.assertEqual(self.load(db, "id, tenant_id, body", [(5100, 2, "named"), (5101, None, "NULL")]), 2)
            self.assertEqual(self.load(db, "id, tenant_id, body", [(5200, 2, "binary"), (5201, None, "NULL")], True), 2)
            with self.refused("WD014", "42501"):
                self.load(db, "id, tenant_id, body", [(5300, 2, "mine"), (5301, 1, "another tenant's")])
            admin.execute("SET ward.maintenance = 'test'")
            stored = admin.execute("SELECT tenant_id, count(*) FROM docs WHERE id >= 5000 GROUP BY 1").fetchall()
            self.assertEqual(stored, [(2, 54)])

    def test_copy_in_a_pipeline_of_switches(self):
        w = self.world
        with w.app() as db:
            for tenant in (1, 2, 1):
                with db.transaction():
                    be(db, w.token(tenant), local=True)
                    self.load(db, "id, body", [(6000 + 10 * tenant + n + one(db, "SELECT count(*) FROM docs") * 100, "x")
                                               for n in range(3)])
                    self.assertEqual(tenants(db), {tenant})


class Parallel(WardTest):
    def test_workers_have_the_identity(self):
        with self.world.admin() as db:
            db.execute("SET ward.maintenance = 'load'")
            db.execute("INSERT INTO docs SELECT n, n % 5 + 1, 'public', repeat('x', 200) FROM generate_series(10000, 40000) n")
            db.execute("ANALYZE docs; RESET ward.maintenance; SET ward.allow_explain = on")
            db.execute("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0")
            for tenant in (3, 4, 3):
                be(db, self.world.token(tenant))
                plan = "\n".join(row[0] for row in db.execute("EXPLAIN (ANALYZE) SELECT tenant_id, count(*) FROM docs GROUP BY 1"))
                self.assertRegex(plan, r"Workers Launched: [1-9]")
                self.assertEqual([t for t, _ in db.execute("SELECT tenant_id, count(*) FROM docs GROUP BY 1")], [tenant])
                # Functions that ask for the identity in a worker get the leader's.
                self.assertEqual(one(db, "SELECT min(ward.tenant()) FROM docs_open d WHERE ward.tenant() <> ''"), str(tenant))
