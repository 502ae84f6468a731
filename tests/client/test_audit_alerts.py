"""Alerts: a refusal reaches whoever listens within a second although its statement aborted; floods are counted, not dropped."""

import json
import re
import threading
import time
import unittest

import psycopg
from audit import AuditServer, denied, mark
from load import AFTER, TABLES

FLOOD, CLIENTS = 5000, 8
# Alerts one by one before they are counted, per second and reason.
SINGLY = 10


class Alerts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(AuditServer("alerts", tables=TABLES))
        with cls.server.admin() as db:
            db.execute(AFTER)
            db.execute("CREATE TABLE more_hidden (id int)")
        cls.token = cls.server.world.token(1)

    def setUp(self):
        self.listener = self.server.admin()
        self.addCleanup(self.listener.close)
        self.listener.execute("LISTEN ward_alert")
        self.trail = self.server.trail()
        self.addCleanup(self.trail.db.close)
        self.begin = self.trail.end()
        self.heard(0.3)

    def heard(self, seconds, count=None):
        """Alerts that arrive within so many seconds, as objects; fewer seconds if `count` have come."""
        found = []
        for notice in self.listener.notifies(timeout=seconds, stop_after=count):
            self.assertLess(len(notice.payload.encode()), 8000)
            found.append(json.loads(notice.payload))
        return found

    def logged(self):
        return [json.loads(text) for text in re.findall(r"ward alert: (\{.*\})", self.server.log())]

    def refuse(self, db, table="hidden"):
        with denied("42501"):
            db.execute(f"SELECT id FROM {table} WHERE 'canary' <> ''")

    def test_within_a_second_although_it_aborted(self):
        latencies = []
        with self.server.app(self.token) as db:
            db.autocommit = False
            for _ in range(20):
                start = time.monotonic()
                self.refuse(db)
                alerts = self.heard(1, 1)
                latencies.append(time.monotonic() - start)
                db.rollback()
                self.assertEqual(len(alerts), 1, "no alert within a second")
                time.sleep(0.1)
        latencies.sort()
        print(f"      denial → alert: p50 {latencies[10] * 1000:.0f} ms, max {latencies[-1] * 1000:.0f} ms")
        # The alert points at the event.
        alert = alerts[0]
        event, = self.trail.events("log = %s AND index = %s", alert["log"], alert["index"])
        self.assertEqual((event["outcome"], event["sqlstate"]), ("denied", "42501"))
        self.assertNotIn("canary", json.dumps(alert))
        self.assertIn((alert["log"], alert["index"]), [(one["log"], one["index"]) for one in self.logged() if "index" in one])

    def test_what_is_allowed_raises_none(self):
        """The control, and what is allowed and yet worth an alert."""
        with self.server.app(self.token) as db:
            db.execute("SELECT * FROM reads_strict").fetchall()
            db.execute("SELECT * FROM reads_commit").fetchall()
        self.trail.sync()
        self.assertEqual(self.heard(0.5), [])
        with self.server.admin() as db:
            db.execute("CREATE TABLE granted (id int)")
            for statement in ("GRANT SELECT ON granted TO PUBLIC", "CREATE ROLE escalated", "ALTER ROLE escalated BYPASSRLS",
                              "GRANT ward_admin TO escalated", "SELECT ward.unprotect('writes', 'a test')",
                              "SET ward.maintenance = 'a test'; SELECT count(*) FROM reads_strict"):
                with self.subTest(statement):
                    self.heard(0.1)
                    db.execute(statement)
                    self.assertTrue(self.heard(1, 1), "no alert within a second")
            db.execute("DROP ROLE escalated")

    def test_a_flood_is_counted(self):
        def client():
            with self.server.app(self.token) as db:
                for _ in range(FLOOD // CLIENTS):
                    self.refuse(db, "more_hidden")

        before = len(self.server.log())
        start = time.monotonic()
        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        self.trail.db.execute("SELECT ward.audit_sync('60 seconds')")
        events = self.trail.events("outcome = 'denied' AND kind <> 'login'", since=self.begin, sync=False)
        self.assertEqual(len(events), FLOOD, "the trail itself drops nothing")
        alerts = self.heard(3)
        self.assertEqual(sum(one.get("count", 1) for one in alerts), FLOOD, "counts do not add up")
        self.assertLess(len(alerts), (SINGLY + 1) * (seconds + 3) + CLIENTS)
        self.assertTrue([one for one in alerts if one.get("count", 1) > 1], "nothing was counted: this was no flood")
        lines = re.findall(r"ward alert: (\{.*\})", self.server.log()[before:])
        self.assertEqual(sum(json.loads(line).get("count", 1) for line in lines), FLOOD)
        print(f"      {FLOOD} refusals in {seconds:.1f} s: {len(alerts)} alerts")

    def test_a_database_without_ward_alerts_in_the_log(self):
        ghost = mark("ghost")
        # Nobody's pg_hba line is missing here: the role is.
        with self.assertRaises(psycopg.OperationalError):
            self.server.connect("template1", ghost)
        deadline = time.monotonic() + 2
        while not any(ghost in json.dumps(one) for one in self.logged()):
            self.assertLess(time.monotonic(), deadline, "no line in the server's log")
            time.sleep(0.05)
