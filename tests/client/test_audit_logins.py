"""Failed logins are in the trail of the database that was asked for, with where from; those that succeed are no denials."""

import time
import unittest

import psycopg
from audit import AuditServer, mark

# First match decides (PostgreSQL manual, "The pg_hba.conf File").
HBA = """
local all postgres trust
host all all_day 127.0.0.0/8 scram-sha-256
host all refused 127.0.0.0/8 reject
host all trusted,ghost,sleeper,outsider 127.0.0.0/8 trust
local all app trust
"""
ROLES = """
CREATE ROLE all_day LOGIN PASSWORD 'right'; CREATE ROLE refused LOGIN; CREATE ROLE trusted LOGIN; CREATE ROLE sleeper NOLOGIN;
CREATE ROLE outsider LOGIN;
REVOKE CONNECT ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO all_day, trusted, sleeper, app;
"""
# Name → (role, password, SQLSTATE)
FAILURES = {
    "wrong password": ("all_day", "wrong", "28P01"),
    "no line in pg_hba.conf": ("nobody_at_all", "x", "28000"),
    "unknown role": ("ghost", None, "28000"),
    "rejected": ("refused", None, "28000"),
    "NOLOGIN": ("sleeper", None, "28000"),
    "no CONNECT": ("outsider", None, "42501"),
    "no REPLICATION": ("trusted", None, "42501"),
}
CLIENT = "127.0.0.1"
SECRETS = ("wrong", "right")


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ip = "127.{}.{}.{}".format(*time.time_ns().to_bytes(8)[-3:])
        cls.server = cls.enterClassContext(AuditServer("logins", f"listen_addresses = '{cls.ip}'"))
        with cls.server.admin() as db:
            db.execute(ROLES.format(database=cls.server.world.name))
        (cls.server.data / "pg_hba.conf").write_text(HBA)
        with cls.server.connect() as db:
            db.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)

    def login(self, role, password, **options):
        return self.server.connect(self.server.world.name, role, host=self.ip, password=password, **options)

    def test_each_failure_is_recorded_once(self):
        with self.server.trail() as trail:
            for name, (role, password, _) in FAILURES.items():
                with self.subTest(name):
                    begin = trail.end()
                    with self.assertRaises(psycopg.OperationalError):
                        options = {"replication": "database"} if name == "no REPLICATION" else {}
                        self.login(role, password, sslmode="disable", gssencmode="disable", **options)
                    events = trail.denials(since=begin)
                    self.check(events, name)

    def check(self, events, name):
        role, _, sqlstate = FAILURES[name]
        self.assertEqual(len(events), 1, events)
        event, = events
        # Who may not CONNECT has logged in, and is refused the database.
        kind = "denial" if name == "no CONNECT" else "login"
        self.assertEqual((event["kind"], event["sqlstate"], event["subject"]), (kind, sqlstate, None))
        self.assertIn(role, (event["role"], event["session_role"]))
        self.assertEqual(str(event["client_address"]).split("/")[0], CLIENT)
        for secret in SECRETS:
            self.assertNotIn(f"'{secret}", str(event))

    def test_what_succeeds_is_no_denial(self):
        with self.server.trail() as trail:
            begin = trail.end()
            application = mark("login")
            self.login("all_day", "right", application_name=application).close()
            self.login("trusted", None, application_name=application).close()
            self.assertEqual(trail.denials(since=begin), [])

    def test_refused_tokens_at_connect(self):
        with self.server.trail() as trail:
            begin = trail.end()
            with self.assertRaises(psycopg.OperationalError):
                self.server.app("rubbish")
            events = trail.denials(since=begin)
            self.assertEqual([(e["sqlstate"], e["code"], e["session_role"]) for e in events], [("28000", "WD001", "app")])
            self.assertNotIn("rubbish", str(events))

    def test_a_dead_database_loses_none(self):
        """Where the name is of no database, or ward is not there, the event is in the log, if in no table."""
        before = sum(len(path.read_bytes()) for path in self.server.directory.rglob("*") if path.is_file())
        ghost = mark("ghost")
        for database in ("no_such_database", "template1"):
            with self.assertRaises(psycopg.OperationalError):
                self.server.connect(database, ghost)
        with self.server.trail() as trail:
            trail.sync()
        log = b"".join(path.read_bytes() for path in self.server.directory.rglob("*") if path.is_file())
        self.assertGreater(len(log), before)
        self.assertIn(ghost.encode(), log)
