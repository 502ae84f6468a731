"""Where the write-ahead log goes: logical decoding sees no record of ours, a server without the library replays them, and a
standby keeps a log of its own. And what happens when the sealer cannot follow."""

import os
import signal
import time
import unittest

import psycopg
import tlog
from audit import AuditServer, Trail, denied, mark
from harness import one
from load import AFTER, TABLES
from servers import Standby, send


def log_bytes(directory):
    """Everything that is sealed in an audit directory, as bytes."""
    return b"".join(b"".join(tlog.entries(folder, tlog.Checkpoint.read(folder / "checkpoint").size)) for folder in tlog.logs(directory))


# A sealer that gets on has two seconds to catch up.
GRACE = 2.5


class AuditTest(unittest.TestCase):
    """A server with the tables of `load`, and what its tests do in it."""

    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(AuditServer(cls.__name__.lower(), *cls.settings, tables=TABLES))
        with cls.server.admin() as db:
            db.execute(AFTER)
        cls.token = cls.server.world.token(1)

    def read(self, server=None, level="strict", token=None):
        """One audited read; its name."""
        name = mark()
        with (server or self.server).connect(self.server.world.name, "app", options=f"-c ward.token={token or self.token}") as db:
            db.execute(f"SELECT body AS {name} FROM reads_{level} WHERE id = 1")
        return name

    def refuse(self, server=None):
        name = mark()
        with (server or self.server).connect(self.server.world.name, "app") as db, denied("42501"):
            db.execute(f"SELECT id AS {name} FROM hidden")
        return name

    def wait(self, question, why, seconds=20):
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            self.assertLess(time.monotonic(), deadline, why)
            time.sleep(0.05)
        return answer


class Decoding(AuditTest):
    settings = ("wal_level = logical",)

    def test_decoders_see_no_record_of_ours(self):
        with self.server.admin() as db:
            db.execute("CREATE TABLE plain (id int); CREATE PUBLICATION all_of_it FOR TABLE plain")
            for slot in ("test_decoding", "pgoutput"):
                db.execute("SELECT pg_create_logical_replication_slot(%s, %s)", (slot, slot))
            names = [self.read(), self.refuse(), self.read(level="async")]
            # What is decoded ends where the log is flushed: the commit comes last.
            db.execute("SELECT pg_logical_emit_message(false, 'mine', 'an ordinary message')")
            db.execute("INSERT INTO plain VALUES (1)")
            with self.server.trail() as trail:
                trail.sync()
            text = "\n".join(row[0] for row in db.execute("SELECT data FROM pg_logical_slot_get_changes('test_decoding', NULL, NULL)"))
            binary = b"".join(row[0] for row in db.execute(
                "SELECT data FROM pg_logical_slot_get_binary_changes('pgoutput', NULL, NULL, 'proto_version', '1',"
                " 'publication_names', 'all_of_it', 'messages', 'true')"))
            # The controls: ordinary messages and rows are seen.
            self.assertIn("an ordinary message", text)
            self.assertIn(b"an ordinary message", binary)
            self.assertIn("table public.plain: INSERT", text)
            for name in ("ward", *names):
                self.assertNotIn(f"prefix: {name}", text)
                self.assertNotIn(name.encode(), binary)
            self.assertEqual(text.count("message:"), 1, text)
            self.assertEqual(binary.count(b"mine"), 1)

    def test_a_server_without_the_library_starts_and_replays(self):
        name = self.refuse()
        self.server.kill()
        self.server.start("shared_preload_libraries=")
        with self.server.connect() as db:
            self.assertEqual(one(db, "SHOW shared_preload_libraries"), "")
            db.execute("CREATE TABLE meanwhile (id int)")
        self.server.restart()
        with self.server.trail() as trail:
            self.assertEqual(len(trail.events("query LIKE %s", f"%{name}%")), 1, "what was refused before is not in the trail")
            self.assertEqual(trail.verify(), [])


class HotStandby(AuditTest):
    def setUp(self):
        self.standby = self.enterContext(Standby(self.server))
        self.directory = self.standby.data.with_name("data.ward")

    def sealed(self, name):
        def is_there():
            try:
                return name.encode() in log_bytes(self.directory)
            except (OSError, ValueError):  # a file was replaced between two looks
                return False
        return is_there

    def replayed(self):
        with self.server.connect() as db:
            here = one(db, "SELECT pg_current_wal_flush_lsn()")

        def is_there():
            with self.standby.connect() as db:
                return one(db, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (here,))
        self.wait(is_there, "the standby does not follow")

    def test_reads_on_a_standby_are_sealed_there_and_promotion_begins_an_epoch(self):
        self.replayed()
        for name in (self.read(self.standby), self.read(self.standby, "commit"), self.refuse(self.standby)):
            self.wait(self.sealed(name), "a read on the standby is not sealed")
            with self.server.trail() as trail:
                self.assertEqual(trail.events("query LIKE %s", f"%{name}%"), [], "the control: the primary does not know of it")
        epochs = tlog.logs(self.directory)
        before = {folder: tlog.check(folder) for folder in epochs}
        sealed = {folder: tlog.entries(folder, checkpoint.size) for folder, checkpoint in before.items()}
        self.standby.promote()
        name = self.refuse(self.standby)
        self.wait(self.sealed(name), "after promotion nothing is sealed")
        self.assertGreater(len(tlog.logs(self.directory)), len(epochs), "the new timeline has no epoch of its own")
        for folder, entries in sealed.items():
            self.assertEqual(tlog.entries(folder, len(entries)), entries)
        with self.standby.connect(self.server.world.name) as db, Trail(db) as trail:
            self.assertEqual(len(trail.events("query LIKE %s", f"%{name}%")), 1)
            self.assertEqual(trail.verify(), [])
            self.assertTrue(trail.events("kind = 'origin'", sync=False))

    def test_a_standby_that_is_killed_loses_no_strict_read(self):
        self.replayed()
        names = [self.read(self.standby) for _ in range(20)] + [self.refuse(self.standby) for _ in range(20)]
        self.standby.kill()
        self.standby.start()
        for name in names:
            self.wait(self.sealed(name), "lost with the standby")


class Behind(AuditTest):
    """The sealer is stopped, or its slot is gone."""

    settings = ("ward.audit_backlog_limit = 1", "max_wal_size = 64MB")

    def stop_sealer(self):
        pid = self.server.child("ward sealer")
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(send, pid, signal.SIGCONT)
        return pid

    def fill(self):
        """More WAL than the limit, by a table that nobody audits, and a record behind it: what counts is how far records lie
        apart."""
        with self.server.admin() as db:
            db.execute("CREATE TABLE IF NOT EXISTS filler (body text)")
            db.execute("INSERT INTO filler SELECT repeat(md5(n::text), 10) FROM generate_series(1, 20000) n")
        self.refuse()

    def policy(self, name):
        with self.server.connect() as db:
            db.execute(f"ALTER SYSTEM SET ward.audit_on_backlog = {name}")
            db.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)

    def test_refuse(self):
        self.policy("refuse")
        self.read()
        pid = self.stop_sealer()
        # The control: stopped, but not behind yet.
        self.read()
        self.fill()
        time.sleep(GRACE)
        with self.assertRaises(psycopg.Error) as caught:
            self.read()
        self.assertEqual((caught.exception.sqlstate, caught.exception.diag.message_detail[:5]), ("55000", "WD043"))
        # What is not audited goes on.
        with self.server.app() as db:
            self.assertEqual(one(db, "SELECT 1"), 1)
        os.kill(pid, signal.SIGCONT)
        self.wait(self.readable, "caught up, and reads are still refused")

    def readable(self):
        try:
            return self.read()
        except psycopg.Error:
            return None

    def test_block(self):
        self.policy("block")
        pid = self.stop_sealer()
        self.fill()
        time.sleep(GRACE)
        with self.server.app(self.token, options="-c statement_timeout=500") as db, denied("57014"):
            db.execute("SELECT body FROM reads_strict WHERE id = 1")
        os.kill(pid, signal.SIGCONT)
        self.wait(self.readable, "caught up, and reads still wait")

    def test_continue(self):
        self.policy("continue")
        pid = self.stop_sealer()
        self.fill()
        names = [self.read(), self.refuse()]
        self.assertIn("backlog", self.server.log(), "nobody is told")
        os.kill(pid, signal.SIGCONT)
        with self.server.trail() as trail:
            for name in names:
                self.assertTrue(trail.events("query LIKE %s", f"%{name}%"))

    def test_a_dropped_slot_leaves_a_signed_gap(self):
        self.policy("continue")
        with self.server.trail() as trail:
            begin = trail.end()
            listener = self.server.admin()
            listener.execute("LISTEN ward_alert")
            self.server.stop()
            # Without the library nobody holds the slot; and then the WAL between is gone.
            self.server.start("shared_preload_libraries=")
        with self.server.connect() as db:
            db.execute("SELECT pg_drop_replication_slot('ward_audit')")
        for _ in range(4):
            self.fill()
            with self.server.connect() as db:
                db.execute("SELECT pg_switch_wal(); CHECKPOINT")
        self.server.restart()
        with self.server.trail() as trail:
            self.assertEqual(len(trail.events("kind = 'gap'", since=begin)), 1)
            self.assertEqual(trail.verify(), [], "a gap is signed like everything else")
        self.assertRegex(self.server.log(), r'ward alert: .*"gap"')
        self.read()
