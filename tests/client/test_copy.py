"""Bulk loading and unloading with a real driver: COPY in text and binary, and everything that ends it early."""

import threading
import time

import psycopg
from harness import PROTECT, TABLES, WardTest, one

ROWS = 5000
LOAD = """
CREATE TABLE load (id bigint PRIMARY KEY, tenant_id int, label ward.label, body text, score float8, tags text[]);
CREATE TABLE load_open (LIKE load INCLUDING ALL);
"""


class Copy(WardTest):
    tables = TABLES + LOAD + PROTECT + "SELECT ward.protect('load');"

    def setUp(self):
        with self.world.admin() as db:
            db.execute("SET ward.maintenance = 'tidy up'; TRUNCATE load, load_open")
        self.db = self.world.app(self.world.token(2))
        self.addCleanup(self.db.close)

    def load(self, rows, statement="COPY load (id, body, score, tags) FROM STDIN", types=None):
        with self.db.cursor() as cursor:
            with cursor.copy(statement) as copy:
                if types:
                    copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def rows(self, count=ROWS):
        return ((n, f"body {n}\n\t\\", n / 7, [str(n), None, "x,y"]) for n in range(count))

    def count(self, table="load"):
        return one(self.db, f"SELECT count(*) FROM {table} WHERE tenant_id = 2")

    def test_text(self):
        self.assertEqual(self.load(self.rows()), ROWS)
        self.assertEqual(self.count(), ROWS)
        self.assertEqual(one(self.db, "SELECT tags FROM load WHERE id = 7"), ["7", None, "x,y"])

    def test_binary(self):
        types = ["int8", "text", "float8", "text[]"]
        self.assertEqual(self.load(self.rows(), "COPY load (id, body, score, tags) FROM STDIN (FORMAT binary)", types), ROWS)
        self.assertEqual(self.count(), ROWS)
        with self.db.cursor().copy("COPY load (id, body) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int8", "text"])
            self.assertEqual(sorted(copy.rows())[7], (7, "body 7\n\t\\"))

    def test_unloading_gives_what_a_query_gives(self):
        self.load(self.rows(100))
        expected = {row[0] for row in self.db.execute("SELECT id FROM docs")}
        with self.db.cursor().copy("COPY docs (id, tenant_id) TO STDOUT") as copy:
            rows = [tuple(map(int, row)) for row in copy.rows()]
        self.assertEqual({row[0] for row in rows}, expected)
        self.assertEqual({row[1] for row in rows}, {2})

    def test_error_in_the_middle(self):
        for bad, code in (((1, 1, None), "42501"), (("x", 2, None), "22P02"), ((1, 2, "secret{nonsense}"), "22P02")):
            with self.assertRaises(psycopg.Error) as caught:
                self.load([*((n, 2, None) for n in range(1000, 2000)), bad, *((n, 2, None) for n in range(2000, 9000))],
                          "COPY load (id, tenant_id, label) FROM STDIN")
            self.assertEqual(caught.exception.diag.sqlstate, code)
            self.assertIn("COPY load, line 1001", caught.exception.diag.context)
            # the connection is in order, and nothing stayed
            self.assertEqual(self.count(), 0)
        self.assertEqual(self.load(self.rows(10)), 10)

    def test_constraint_fields_are_those_of_a_plain_copy(self):
        errors = []
        for table in ("load_open", "load"):
            with self.assertRaises(psycopg.errors.UniqueViolation) as caught:
                self.load([(1, "a", 0, []), (1, "b", 0, [])], f"COPY {table} (id, body, score, tags) FROM STDIN")
            diag = caught.exception.diag
            # core's batches forget the text of the line
            context = diag.context.split(":")[0].replace("_open", "")
            errors.append((diag.schema_name, diag.constraint_name.replace("_open", ""), context))
        self.assertEqual(*errors)

    def test_client_gives_up(self):
        with self.assertRaises(psycopg.Error):
            with self.db.cursor().copy("COPY load (id) FROM STDIN") as copy:
                for n in range(1000):
                    copy.write_row((n,))
                raise psycopg.DataError("changed my mind")
        self.assertEqual(self.count(), 0)
        self.assertEqual(self.load(self.rows(10)), 10)

    def test_client_disappears(self):
        db = self.world.app(self.world.token(2))
        pid = db.info.backend_pid
        copy = db.cursor().copy("COPY load (id) FROM STDIN")
        copy.__enter__().write_row((1,))
        db.pgconn.finish()
        with self.world.admin() as admin:
            for _ in range(100):
                if not one(admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (pid,)):
                    break
                time.sleep(0.05)
            else:
                self.fail("the backend goes on")
        self.assertEqual(self.count(), 0)

    def test_cancelled(self):
        with self.assertRaises(psycopg.errors.QueryCanceled):
            with self.db.cursor().copy("COPY load (id) FROM STDIN") as copy:
                copy.write_row((1,))
                timer = threading.Timer(0.3, self.db.cancel)
                timer.start()
                for n in range(2, 200):
                    time.sleep(0.01)
                    copy.write_row((n,))
        timer.join()
        self.assertEqual(self.count(), 0)

    def test_in_a_transaction_with_other_statements(self):
        with self.db.transaction():
            self.db.execute("INSERT INTO load (id) VALUES (100000)")
            self.load(self.rows(10))
            with self.assertRaises(psycopg.errors.InsufficientPrivilege), self.db.transaction():
                self.load([(5, 1)], "COPY load (id, tenant_id) FROM STDIN")
            self.load([(n,) for n in range(20, 25)], "COPY load (id) FROM STDIN")
        self.assertEqual(self.count(), 16)

    def test_token_dies_before_the_load(self):
        db = self.world.app(self.world.token(2))
        with self.world.admin() as admin:
            admin.execute("SELECT ward.revoke('subject', 'alice', 'left')")
            self.addCleanup(lambda: self.world.admin().execute("DELETE FROM ward_internal.revocation"))
            with self.refused("WD012"):
                with db.cursor().copy("COPY load (id) FROM STDIN") as copy:
                    copy.write_row((1,))
        db.close()
