"""Tokens stay out of what the server shows: its log, pg_stat_activity, pg_stat_statements, error messages.

Each statement carries a marker beside the token. The marker must turn up (else the test looked in the wrong
place, or the statement was hidden altogether), the token must not.
"""

import re
import threading
import time

import psycopg
from harness import WardTest, World, one
from psycopg import sql
from servers import Server

CUT = 60  # a piece of a token this long is as good as a leak


class Redaction(WardTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.token = cls.world.token(1, subject="redacted")
        cls.watcher = cls.world.admin()
        cls.addClassCleanup(cls.watcher.close)
        cls.counter = 0

    def setUp(self):
        settings = "-c log_statement=all -c log_min_duration_statement=0 -c log_min_error_statement=error"
        self.db = self.world.admin(options=settings, application_name="redaction")
        self.addCleanup(self.db.close)
        type(self).counter += 1
        self.marker = f"marker{self.counter}x{int(time.time())}"
        self.log_from = len(self.server_log())

    def server_log(self):
        return one(self.watcher, "SELECT pg_read_file(current_setting('data_directory') || '/../log')")

    def activity(self):
        found = self.watcher.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'redaction' AND datname = current_database()")
        return "\n".join(row[0] for row in found)

    def text(self, statement):
        return statement.replace("TOKEN", self.token).replace("MARKER", self.marker)

    def assertHidden(self, text, where):
        header, payload, signature = self.token.split(".")
        for part in (self.token[:CUT], payload[:CUT], signature[:CUT]):
            self.assertNotIn(part, text, f"the token shows in {where}")

    def run_one(self, statement, *args, fails=False, marked=True, **kwargs):
        """Runs it, and looks at the log and at the activity that it leaves behind."""
        text = self.text(statement)
        if fails:
            with self.assertRaises(psycopg.Error) as caught:
                self.db.execute(text, *args, **kwargs)
            diag = caught.exception.diag
            for field in ("message_primary", "message_detail", "message_hint", "context", "internal_query"):
                self.assertHidden(getattr(diag, field) or "", f"the error's {field}")
        else:
            self.db.execute(text, *args, **kwargs)
        activity = self.activity()
        self.assertHidden(activity, "pg_stat_activity")
        log = self.server_log()[self.log_from:]
        self.assertHidden(log, "the log")
        if marked:
            self.assertIn(self.marker, log, "the control arm does not show in the log")
            self.assertIn(self.marker, activity, "the control arm does not show in pg_stat_activity")

    def test_set(self):
        self.run_one("/* MARKER */ SET ward.token = 'TOKEN'")

    def test_set_local_and_several_statements(self):
        self.run_one("/* MARKER */ BEGIN; SET LOCAL ward.token = 'TOKEN'; SELECT count(*) FROM docs; COMMIT")

    def test_set_config_in_a_simple_query(self):
        self.run_one("/* MARKER */ SELECT set_config('ward.token', 'TOKEN', false)")

    def test_set_config_as_a_literal_in_the_extended_protocol(self):
        self.run_one("/* MARKER */ SELECT set_config('ward.token', 'TOKEN', %s)", (False,))

    def test_set_config_as_a_literal_in_a_prepared_statement(self):
        for _ in range(3):
            self.run_one("/* MARKER */ SELECT set_config('ward.token', 'TOKEN', %s)", (False,), prepare=True)

    def test_bind_parameter(self):
        self.run_one("/* MARKER */ SELECT set_config('ward.token', %s, %s)", (self.token, False))
        self.run_one("/* MARKER */ SELECT set_config('ward.token', %s, %s)", (self.token, False), prepare=True, binary=True)

    def test_bind_parameter_in_an_error(self):
        self.db.execute("SET log_parameter_max_length_on_error = -1")
        self.run_one("/* MARKER */ SELECT %s::text::int", (self.token,), fails=True, marked=False)

    def test_cursor(self):
        self.run_one("/* MARKER */ BEGIN; DECLARE c CURSOR FOR SELECT 'TOKEN'")
        self.assertHidden(one(self.db, "SELECT statement FROM pg_cursors WHERE name = 'c'"), "pg_cursors")

    def test_prepare_and_execute(self):
        self.run_one("/* MARKER */ PREPARE p (text) AS SELECT set_config('ward.token', $1, false), 'TOKEN'")
        self.run_one("/* MARKER */ EXECUTE p ('TOKEN')")
        self.db.execute("RESET ward.token")
        prepared = one(self.db, "SELECT statement FROM pg_prepared_statements WHERE name = 'p'")
        self.assertHidden(prepared, "pg_prepared_statements")

    def test_do_block(self):
        self.run_one("/* MARKER */ DO $$BEGIN PERFORM set_config('ward.token', 'TOKEN', false); END$$")

    def test_copy(self):
        with self.db.cursor().copy(self.text("/* MARKER */ COPY (SELECT 'TOKEN'::text) TO STDOUT")) as copy:
            self.assertEqual(b"".join(copy).decode().strip(), self.token)
        self.run_one("/* MARKER */ SELECT 1")

    def test_syntax_error(self):
        self.run_one("/* MARKER */ SETT ward.token = 'TOKEN'", fails=True, marked=False)
        self.assertIn(self.marker, self.activity())

    def test_error_that_quotes_the_token(self):
        self.run_one("/* MARKER */ SELECT 'TOKEN'::int", fails=True, marked=False)
        self.run_one("/* MARKER */ SELECT column_TOKEN", fails=True, marked=False)
        for _ in range(8):  # the parser stops at another place in each token
            self.token = self.world.token(1, subject="redacted", jti=str(time.time()))
            self.run_one("/* MARKER */ SELECT column_TOKEN", fails=True, marked=False)

    def test_error_inside_a_function(self):
        self.run_one("/* MARKER */ DO $$BEGIN EXECUTE 'SELEC ''TOKEN'''; END$$", fails=True, marked=False)
        self.run_one("/* MARKER */ DO $$BEGIN EXECUTE 'SELECT 1 / 0, ''TOKEN'''; END$$", fails=True, marked=False)
        self.run_one("/* MARKER */ DO $$BEGIN RAISE EXCEPTION 'TOKEN' USING DETAIL = 'TOKEN', HINT = 'TOKEN'; END$$",
                     fails=True, marked=False)

    def test_refused_token(self):
        self.run_one("/* MARKER */ SET ward.token = 'TOKEN.TOKEN'", fails=True, marked=False)

    def test_startup_packet(self):
        options = f"-c log_connections=on -c ward.token={self.token}"
        with self.world.app(options="-c ward.token=" + self.token) as db:
            self.sees_only(db, 1)
        with self.assertRaises(psycopg.Error) as caught:
            self.world.app(options=f"-c ward.token={self.token}.{self.token}")
        self.assertHidden(str(caught.exception), "the refused connection's error")
        with self.assertRaises(psycopg.Error):
            self.world.app(options=options + " -c work_mem=nonsense")
        self.assertHidden(self.server_log()[self.log_from:], "the log")

    def test_cut_off_in_the_activity_view(self):
        # The view shows the first kilobyte: the cut falls into the token, wherever it lies.
        for length in (600, 900, 960, 985, 1000):
            filler = self.marker + "x" * (length - len(self.marker))
            self.run_one(f"/* {filler} */ SELECT set_config('ward.token', 'TOKEN', false)")

    def test_while_it_runs(self):
        with self.world.admin(application_name="redaction") as sleeper:
            statement = self.text("/* MARKER */ SELECT set_config('ward.token', 'TOKEN', %s), pg_sleep(1)")
            thread = threading.Thread(target=sleeper.execute, args=(statement, (False,)))
            thread.start()
            # Until the statement is parsed the view shows it as it came.
            time.sleep(0.3)
            seen = ""
            while thread.is_alive():
                seen += self.activity()
                time.sleep(0.05)
            thread.join()
        self.assertIn(self.marker, seen)
        self.assertHidden(seen, "pg_stat_activity of a running statement")

    def test_parallel_workers_show_no_token(self):
        self.db.execute("SET force_parallel_mode = on") if self.db.info.server_version < 160000 else \
            self.db.execute("SET debug_parallel_query = on")
        self.run_one("/* MARKER */ SELECT count(*), 'TOKEN' FROM docs_open")

    def statistics(self, libraries):
        """What pg_stat_statements shows of statements with a token, on a server of its own that preloads these."""
        with Server("statements", f"shared_preload_libraries = '{libraries}'") as server:
            world = World("statements", address=server.address)
            with world.admin() as db:
                db.execute("CREATE EXTENSION pg_stat_statements; SET pg_stat_statements.track = 'all'")
                for statement in ("SET ward.token = 'TOKEN'", "SELECT set_config('ward.token', 'TOKEN', false)",
                                  "DO $$BEGIN PERFORM set_config('ward.token', 'TOKEN', false); END$$",
                                  "SET ward.token TO 'TOKEN'; SELECT 1"):
                    db.execute(self.text("/* MARKER */ " + statement))
            with world.admin() as db:  # another session: under a token the view is refused
                return "\n".join(row[0] for row in db.execute("SELECT query FROM pg_stat_statements"))

    def test_statements_statistics(self):
        shown = self.statistics("pg_stat_statements,ward")
        self.assertIn("PERFORM set_config('ward.token'", shown)  # newer releases drop comments and constants of others
        self.assertHidden(shown, "pg_stat_statements")

    def test_masking_keeps_everything_else(self):
        self.run_one("/* MARKER */ SELECT 'before', 'TOKEN', 'after eyJ not a token, eyJx. neither'")
        shown = self.activity()
        self.assertTrue(re.search(r"'before', '\*+', 'after eyJ not a token, eyJx\. neither'", shown), shown)
        self.assertEqual(len(re.search(r"\*{5,}", shown)[0]), len(self.token))

    def test_other_sessions_queries_are_out_of_reach(self):
        self.db.execute(sql.SQL("SELECT {}").format(sql.Literal(self.marker)))
        with self.world.app() as app:
            self.assertIn("redaction", {row[0] for row in app.execute("SELECT application_name FROM pg_stat_activity")})
            app.execute("SELECT set_config('ward.token', %s, false)", (self.token,))
            with self.refused("WD032", "42501"):
                app.execute("SELECT query FROM pg_stat_activity")
