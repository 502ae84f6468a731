"""No refusal slips away: every cell of the denial matrix (denials.py) is in the trail, exactly once, with who and what.

Ordinary errors are none. Each cell has a connection of its own, whose application name tells its events apart.
"""

import itertools
import time
import unittest

import psycopg
from audit import AuditServer, mark
from denials import CANARY, CAUSES, MATRIX_TABLES, NUMBER, OBJECTS, WAYS, cells, expected, views
from harness import one
from ordinary import ORDINARY_OBJECTS, ordinary
from wire import Wire, call

CLIENT = "127.0.0.1"
# A token's `jti`: in the trail, unlike the token itself.
TOKEN_ID = "token-of-alice"


class Matrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A loopback address of this run alone; clients come from the usual one.
        cls.ip = "127.{}.{}.{}".format(*time.time_ns().to_bytes(8)[-3:])
        cls.server = cls.enterClassContext(AuditServer("matrix", f"listen_addresses = '{cls.ip}'", tables=MATRIX_TABLES))
        world = cls.server.world
        with world.admin() as db:
            db.execute(OBJECTS)
            views(db)
            cls.parallel = "debug_parallel_query" if db.info.server_version >= 160000 else "force_parallel_mode"
            db.execute("SELECT ward.revoke('token', 'revoked', 'a test')")
        claims = {"subject": "alice", "clearance": "confidential", "jti": TOKEN_ID}
        cls.tokens = {
            None: None,
            "alice": world.token(1, **claims),
            "expired": world.token(1, **claims | {"ttl": -60, "iat": 1_700_000_000}),
            "tampered": world.token(1, **claims, options=["--tamper"]),
            "other audience": world.token(1, **claims | {"aud": "other-db"}),
            "revoked": world.token(1, **claims | {"jti": "revoked"}),
        }

    def connect(self, application, token="alice", options=""):
        options = options.format(parallel=self.parallel)
        return self.server.app(self.tokens[token], host=self.ip, application_name=application, options=options)

    def run_cell(self, number, cause, way):
        """Makes the refusal happen; without that the cell would prove nothing."""
        function, _, options = WAYS[way]
        with self.connect(f"cell {number}", cause.token, options) as db:
            db.prepare_threshold = None
            try:
                state = function(db, cause)
            except psycopg.Error as error:
                state = error.sqlstate
        self.assertEqual(state, expected(cause, way)[0], "the cell refuses nothing")

    def run_matrix(self):
        """Every cell, then the trail: (events of a cell) by its number."""
        for number, (cause, way) in enumerate(cells()):
            with self.subTest(cause.name, way=way):
                self.run_cell(number, cause, way)
        with self.server.trail() as trail:
            found = {}
            for event in trail.denials("application LIKE 'cell %%'", since=self.begin):
                found.setdefault(int(event["application"].split()[1]), []).append(event)
        return found

    def mark_begin(self):
        with self.server.trail() as trail:
            self.begin = trail.end()

    def check(self, events, cause, way):
        self.assertEqual(len(events), 1, [(e["kind"], e["code"], e["sqlstate"], e["message"]) for e in events])
        event, = events
        self.assertEqual((event["outcome"], event["sqlstate"], event["code"]), ("denied", *expected(cause, way)))
        # Who a token names is known only when it verifies.
        # A statement that the parser refuses, the first of its session, comes before a token from the connection's
        # options was ever looked at: then its hash is there.
        first = cause.name == "schema" and event["subject"] is None
        if first:
            self.assertIn(way, ("top level, simple protocol", "prepared"))
            self.assertIn("token_sha256", event["detail"])
        elif cause.token == "alice":
            self.assertEqual((event["subject"], list(event["tenants"]), event["token_id"]), ("alice", ["1"], TOKEN_ID))
            self.assertEqual(str(event["clearance"]), "confidential")
        else:
            self.assertIsNone(event["subject"])
        weak = way == "SECURITY DEFINER"
        self.assertEqual((event["session_role"], event["role"]), ("app", "weak" if weak else "app"))
        self.assertEqual(str(event["client_address"]).split("/")[0], CLIENT)
        self.assertTrue(event["query"])
        everything = str(event)
        self.assertNotIn(CANARY, everything)
        self.assertNotIn(str(NUMBER), everything)
        self.assertNotIn("eyJ", everything)

    def assertMatrix(self):
        self.mark_begin()
        found = self.run_matrix()
        for number, (cause, way) in enumerate(cells()):
            with self.subTest(cause.name, way=way):
                self.check(found.get(number, []), cause, way)

    def test_every_cell_is_recorded_once(self):
        self.assertMatrix()

    def test_every_cell_is_recorded_without_messages(self):
        """What the server does not log or send, it still records."""
        settings = "log_min_messages = panic; ALTER ROLE app SET client_min_messages = error; ALTER ROLE app SET log_min_error_statement = panic"
        with self.server.connect() as db:
            db.execute(f"ALTER ROLE app SET {settings}")
            self.addCleanup(self.server_executes, "ALTER ROLE app RESET ALL")
        with self.connect("silent") as db:
            self.assertEqual(one(db, "SHOW log_min_messages"), "panic")
        self.assertMatrix()

    def server_executes(self, statement):
        with self.server.connect() as db:
            db.execute(statement)

    def test_ways_are_what_they_say(self):
        for way, (_, kinds, _) in WAYS.items():
            self.assertTrue([c for c, w in cells() if w == way and c.kind in kinds], way)
        self.assertEqual(len({cause.name for cause in CAUSES}), len(CAUSES))

    def test_each_of_many_is_recorded(self):
        """Alike, in one transaction, in one statement, in a loop: none is taken for another."""
        statement = "SELECT id FROM hidden"
        with self.server.trail() as trail, self.connect(mark("many")) as db:
            for expect, text in ((2, "SELECT swallow($1), swallow($1)"), (20, "SELECT count(swallow($1 || repeat(' ', 0 * n))) FROM generate_series(1, 20) n")):
                begin = trail.end()
                db.execute(text.replace("$1", f"'{statement}'"))
                self.assertEqual(len(trail.denials("session_role = 'app'", since=begin)), expect)
            begin = trail.end()
            db.execute("BEGIN")
            for _ in range(3):
                with self.assertRaises(psycopg.Error):
                    db.execute("SAVEPOINT s; " + statement)
                db.execute("ROLLBACK TO s")
            db.execute("ROLLBACK")
            self.assertEqual(len(trail.denials("session_role = 'app'", since=begin)), 3)

    def test_after_an_error_outside_of_transactions(self):
        """Core forgets who watches errors at each one that reaches the top; here no transaction ends, so no hook is told."""
        with self.server.connect() as db:
            db.execute("ALTER ROLE app SET log_min_messages = panic")
            self.addCleanup(self.server_executes, "ALTER ROLE app RESET ALL")
        while_planned = "SELECT swallow_early('SELECT id FROM hidden') WHERE $1::int = 1"
        tears = {"unknown statement": lambda wire: wire.exec_prepared(b"missing", []), "invalid bytes": lambda wire: wire.exec_(b"SELECT '\xff'"),
                 "the control": lambda wire: wire.exec_(b"SELECT 1")}
        refused = {"while parsed": b"SELECT id FROM closed.closed_table", "in a constant": b"SELECT 'closed.closed_table'::regclass",
                   "swallowed": b"SELECT swallow('SELECT id FROM hidden')", "swallowed while planned": None}
        for (tear, first), (name, text) in itertools.product(tears.items(), refused.items()):
            application = mark("torn")
            with self.connect(application) as db:
                db.pgconn.prepare(b"planned", while_planned.encode())
                first(db.pgconn)
                db.pgconn.exec_(text) if text else db.pgconn.exec_prepared(b"planned", [b"1"])
            with self.subTest(name, after=tear), self.server.trail() as trail:
                self.assertEqual(len(trail.denials("application = %s", application)), 1)

    def test_function_calls_of_the_protocol(self):
        with self.server.admin() as db:
            number = one(db, "SELECT 'closed_function(text)'::regprocedure::oid::int")
        application = mark("call")
        wire = Wire(self.server.world.name, "app", self.server.address, application_name=application)
        wire.send(call(number, "x"))
        self.assertEqual(wire.answers()[-1]["C"], "42501")
        wire.close()
        with self.server.trail() as trail:
            self.assertEqual(len(trail.denials("application = %s", application)), 1)

    def test_200_ordinary_errors_are_no_denials(self):
        statements = ordinary()
        self.assertGreaterEqual(len(set(statements)), 200)
        with self.server.admin() as db:
            db.execute("CREATE SCHEMA plain AUTHORIZATION app; SET ROLE app; SET search_path = plain;" + ORDINARY_OBJECTS)
        before = self.server.trail()
        self.addCleanup(before.db.close)
        begin = before.end()
        application = mark("ordinary")
        with self.connect(application, options="-c search_path=plain,public") as db:
            for statement in statements:
                with self.subTest(statement), self.assertRaises(psycopg.Error) as caught:
                    db.execute(statement)
                self.assertNotIn(caught.exception.sqlstate, ("42501", "28000", "28P01"), statement)
                with self.subTest(statement, swallowed=True):
                    one(db, "SELECT public.swallow(%s)", (statement,))
            self.assertEqual(before.denials("application = %s", application, since=begin), [])
            # Controls: one refusal among them is seen, and only after it happened; what is allowed is none.
            one(db, "SELECT count(*) FROM docs")
            self.assertEqual(before.denials("application = %s", application, since=begin), [])
            with self.assertRaises(psycopg.Error):
                db.execute("SELECT * FROM hidden")
            self.assertEqual(len(before.denials("application = %s", application, since=begin)), 1)
