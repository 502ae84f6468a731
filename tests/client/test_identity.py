"""How an identity reaches a session, and where it is refused (control: without one, nothing is shown)."""

import psycopg
from harness import WardTest, be, one, tenants
from wire import Wire, query


class Identity(WardTest):
    def test_without_a_token_protected_tables_raise_and_the_open_twin_leaks(self):
        with self.world.app() as db:
            with self.refused("WD000", "28000"):
                tenants(db)
            self.assertEqual(tenants(db, "docs_open"), {1, 2, 3, 4, 5})

    def test_set(self):
        with self.world.app() as db:
            db.execute(f"SET ward.token = '{self.world.token(2)}'")
            self.sees_only(db, 2)

    def test_set_local_ends_with_its_transaction(self):
        with self.world.app() as db:
            with db.transaction():
                db.execute(f"SET LOCAL ward.token = '{self.world.token(2)}'")
                self.sees_only(db, 2)
            with self.refused("WD000"):
                tenants(db)

    def test_set_config_in_a_simple_query(self):
        with self.world.app() as db:
            # Without parameters psycopg uses the simple protocol: several statements in one message.
            db.execute(f"BEGIN; SELECT set_config('ward.token', '{self.world.token(3)}', true)")
            self.sees_only(db, 3)
            db.execute("COMMIT")
            with self.refused("WD000"):
                tenants(db)

    def test_set_config_with_a_bind_parameter(self):
        for binary in (False, True):
            with self.subTest(binary=binary), self.world.app() as db, db.transaction():
                db.execute("SELECT set_config('ward.token', %s, true)", (self.world.token(4),), binary=binary)
                self.sees_only(db, 4)

    def test_set_config_pipelined_with_the_query(self):
        with self.world.app() as db, db.pipeline():
            with db.transaction():
                be(db, self.world.token(5), local=True)
                cursor = db.execute("SELECT DISTINCT tenant_id FROM docs WHERE id > %s", (0,))
            self.assertEqual(cursor.fetchall(), [(5,)])

    def test_login_and_logout(self):
        with self.world.app() as db:
            db.execute("SELECT ward.login(%s, 'session')", (self.world.token(1),))
            self.sees_only(db, 1)
            self.assertEqual(one(db, "SELECT ward.tenant()"), "1")
            db.execute("SELECT ward.logout()")
            with self.refused("WD000"):
                tenants(db)

    def test_connection_options(self):
        with self.world.app(options=f"-c ward.token={self.world.token(3)}") as db:
            self.sees_only(db, 3)
            # It belongs to the connection: RESET and DISCARD ALL return to it, not to none.
            db.execute("DISCARD ALL")
            self.sees_only(db, 3)

    def test_startup_parameter(self):
        good = Wire(self.world.name, "app", **{"ward.token": self.world.token(4)})
        good.send(query("SELECT DISTINCT tenant_id FROM docs"))
        self.assertEqual(good.answers(), [["4"], "complete"])
        good.close()
        bad = Wire(self.world.name, "app", **{"ward.token": "rubbish"})
        self.assertEqual([(e["S"], e["C"], e["D"][:6]) for e in bad.greeting], [("FATAL", "28000", "WD001 ")])
        bad.close()

    def test_bad_token_at_connect_is_a_refused_connection(self):
        for name, token in {"no token at all": "rubbish", "only two parts": "eyJhbGciOiJFUzI1NiJ9.e30"}.items():
            with self.subTest(name), self.refused("WD001"):
                self.world.app(options=f"-c ward.token={token}")

    def test_tokens_that_do_not_verify(self):
        w = self.world
        cases = {
            "WD005": w.issuer.token(1, options=["--tamper"]),
            "WD007": w.token(1, aud="other-db"),
            "WD003": w.token(1, iss="https://evil.test"),
            "WD008": w.token(1, ttl=-60, iat=1_700_000_000),
        }
        for code, token in cases.items():
            with self.subTest(code), w.app() as db:
                be(db, token)
                with self.refused(code, "28000"):
                    tenants(db)
                # Not even at connect, although the check comes with the first protected statement.
                with w.app(options=f"-c ward.token={token}") as other, self.refused(code):
                    tenants(other)

    def test_stored_tokens_are_refused(self):
        token = self.world.token(1)
        with self.world.admin() as db:
            for statement in (
                f"ALTER ROLE app SET ward.token = '{token}'",
                f"ALTER DATABASE {self.world.name} SET ward.token = '{token}'",
                f"ALTER ROLE ALL IN DATABASE {self.world.name} SET ward.token = '{token}'",
                f"CREATE FUNCTION as_alice() RETURNS int LANGUAGE sql SET ward.token = '{token}' AS 'SELECT 1'",
            ):
                with self.subTest(statement[:20]), self.assertRaises(psycopg.Error) as caught:
                    db.execute(statement)
                self.assertNotIn(token, str(caught.exception))
            with self.assertRaises(psycopg.Error):
                db.execute(f"ALTER SYSTEM SET ward.token = '{token}'")

    def test_show_prints_a_summary(self):
        token = self.world.token(1)
        with self.world.app(token) as db:
            shown = [one(db, "SHOW ward.token"), one(db, "SELECT current_setting('ward.token')"),
                     *(str(value) for row in db.execute("SELECT * FROM pg_settings") for value in row)]
            self.assertTrue(shown[0].startswith("<token "))
            self.assertFalse([text for text in shown if token[-20:] in text])

    def test_rollback_and_savepoints_restore_the_identity(self):
        with self.world.app(self.world.token(1)) as db:
            with self.assertRaises(ZeroDivisionError), db.transaction():
                be(db, self.world.token(2))
                self.sees_only(db, 2)
                raise ZeroDivisionError
            self.sees_only(db, 1)
            with db.transaction():
                with self.assertRaises(ZeroDivisionError), db.transaction():
                    be(db, self.world.token(3), local=True)
                    self.sees_only(db, 3)
                    raise ZeroDivisionError
                self.sees_only(db, 1)

    def test_no_change_after_a_write_nor_under_an_open_cursor(self):
        with self.world.app(self.world.token(1)) as db:
            other = self.world.token(2)
            with self.refused("WD033", "25001"), db.transaction():
                db.execute("INSERT INTO notes (id, body) VALUES (9001, 'mine')")
                be(db, other)
            with self.refused("WD033", "25001"), db.transaction():
                with db.cursor(name="held_open") as cursor:
                    cursor.execute("SELECT * FROM docs")
                    cursor.fetchmany(3)
                    be(db, other)
            self.sees_only(db, 1)

    def test_role_is_fixed_under_a_token(self):
        for statement in ("SET ROLE app", "SET SESSION AUTHORIZATION app", "SELECT set_config('role', 'app', false)"):
            with self.subTest(statement), self.world.admin() as db:
                be(db, self.world.token(1))
                with self.refused("WD032"):
                    db.execute(statement)
                    tenants(db)

    def test_plans_follow_from_maintenance_to_token_and_back(self):
        # The same statements, cached under every ground; a plan made for all rows must not serve a token.
        everything, other = [(n,) for n in range(1, 6)], self.world.token(2)
        with self.world.admin() as db:
            db.execute("SET plan_cache_mode = force_generic_plan")
            db.execute("CREATE FUNCTION pg_temp.f() RETURNS SETOF int LANGUAGE plpgsql AS "
                       "'BEGIN RETURN QUERY SELECT DISTINCT tenant_id FROM docs ORDER BY 1; END'")
            db.execute("PREPARE p AS SELECT DISTINCT tenant_id FROM docs ORDER BY 1")
            for _ in range(3):
                for setting, expected in ((f"ward.token = '{other}'", [(2,)]), ("ward.token = ''", None),
                                          ("ward.maintenance = 'look'", everything), ("ward.maintenance = ''", None),
                                          ("ward.maintenance = 'look'", everything), (f"ward.token = '{other}'", [(2,)]),
                                          (f"ward.token = '{self.world.token(1)}'", [(1,)])):
                    db.execute(f"SET {setting}")
                    for ask in ("EXECUTE p", "SELECT * FROM pg_temp.f()"):
                        if expected is None:
                            with self.refused("WD000"):
                                db.execute(ask)
                        else:
                            self.assertEqual(db.execute(ask).fetchall(), expected, setting[:20])
                db.execute("RESET ward.maintenance; SET ward.token = ''")

    def test_results_of_immutable_functions_do_not_outlive_the_identity(self):
        with self.world.admin() as db:
            db.execute("CREATE FUNCTION mine() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN ward.tenant()::int; END';"
                       "CREATE FUNCTION seen() RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
                       "'BEGIN RETURN (SELECT min(tenant_id) FROM docs); END';"
                       "CREATE FUNCTION same(n int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT n'")
        tokens = [(self.world.token(n), n) for n in (1, 2, 3)]
        with self.world.app() as db:
            db.execute("SET plan_cache_mode = force_generic_plan")
            for number, ask in enumerate(("SELECT {}()", "SELECT * FROM same({}())", "SELECT s + 0 FROM same({}()) s",
                                          "SELECT min(tenant_id) FROM docs_open WHERE tenant_id = {}()")):
                for function in ("mine", "seen"):
                    db.execute(f"PREPARE {function}_{number} AS {ask.format(function)}")
            prepared = db.execute("SELECT name FROM pg_prepared_statements").fetchall()
            for token, tenant in tokens * 3:
                db.execute(f"SET ward.token = '{token}'")
                for (name,) in prepared:
                    self.assertEqual(one(db, f"EXECUTE {name}"), tenant, name)
