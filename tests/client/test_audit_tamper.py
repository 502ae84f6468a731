"""Whoever changes the trail is found: every byte of a log's files, rows of the projection, forged records. And SQL cannot
change it at all, whoever asks, which is itself recorded."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

import psycopg
import tlog
from audit import AuditServer, Trail, copy_tree, denied, is_consistent, mark, verify_files
from harness import one

SMALL = """
CREATE TABLE docs (id int PRIMARY KEY, tenant_id int, body text);
INSERT INTO docs SELECT n, 1, 'body ' || n FROM generate_series(1, 10) n;
SELECT ward.protect('docs', label => NULL);
CREATE TABLE hidden (id int);
"""
# Bytes are flipped one bit at a time; which one changes from byte to byte.
STEP = int(os.environ.get("WARD_TAMPER_STEP", "1"))


def some_events(server, count=4):
    """Reads, writes and refusals, so that a log has entries to change."""
    with server.app(server.world.token(1)) as db:
        for n in range(count):
            db.execute(f"SELECT body AS {mark()} FROM docs WHERE id = %s", (n,))
            db.execute("UPDATE docs SET body = 'changed' WHERE id = %s", (n,))
            db.execute("BEGIN; UPDATE docs SET body = 'undone'; ROLLBACK")
            with denied("42501"):
                db.execute(f"SELECT id AS {mark()} FROM hidden")
    with server.trail() as trail:
        trail.sync()


class Tamper(unittest.TestCase):
    count = 4

    @classmethod
    def setUpClass(cls):
        # Pages with a changed byte must reach the verification, not the checksum of PostgreSQL 18.
        cls.server = cls.enterClassContext(AuditServer(cls.__name__.lower(), "ignore_checksum_failure = on", tables=SMALL))
        with cls.server.admin() as db:
            db.execute("REVOKE ALL ON hidden FROM app")
        some_events(cls.server, cls.count)

    def log(self):
        return tlog.logs(self.server.directory)[-1]

    def verdict(self):
        with self.server.trail() as trail:
            return trail.verify()


class Files(Tamper):
    """A copy of the log, checked by ward-verify, which knows no database."""

    count = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.copy = Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "audit"
        cls.server.stop()
        copy_tree(cls.server.directory, cls.copy)
        cls.server.start()
        cls.folder = tlog.logs(cls.copy)[-1]
        cls.paths = [path for path in sorted(cls.folder.rglob("*")) if path.is_file()]

    def test_the_copy_is_good(self):
        self.assertTrue(verify_files(self.copy, self.folder))
        self.assertGreater(tlog.check(self.folder).size, 10)

    def test_every_byte(self):
        flips, unseen = 0, []
        for path in self.paths:
            content = path.read_bytes()
            for at in range(0, len(content), STEP):
                path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1:])
                if verify_files(self.copy, self.folder):
                    unseen.append((path.name, at))
                flips += 1
            path.write_bytes(content)
        print(f"      {flips} bytes of {len(self.paths)} files flipped one by one")
        self.assertEqual(unseen, [])
        self.assertTrue(verify_files(self.copy, self.folder), "the log was not put back as it was")

    def test_files_deleted_emptied_and_cut(self):
        for path in self.paths:
            content = path.read_bytes()
            for name, damaged in (("deleted", None), ("empty", b""), ("last byte gone", content[:-1]), ("half", content[:len(content) // 2]),
                                  ("longer", content + b"\0"), ("twice", content * 2)):
                if damaged is None and self.is_superseded(path):
                    continue
                with self.subTest(str(path.relative_to(self.folder)), how=name):
                    path.unlink() if damaged is None else path.write_bytes(damaged)
                    self.assertFalse(verify_files(self.copy, self.folder))
                path.write_bytes(content)

    def is_superseded(self, path):
        """Partial tiles that a wider one has replaced may go at any time: the sealer itself removes them."""
        return path.parent.name.endswith(".p") and int(path.name) < max(int(other.name) for other in path.parent.iterdir())

    def test_entries_swapped_dropped_doubled(self):
        """The bundle stays well formed."""
        size = tlog.Checkpoint.read(self.folder / "checkpoint").size
        entries = tlog.entries(self.folder, size)
        bundle = next(path for path in self.paths if "entries" in path.parts and path.read_bytes() == bundled(entries))
        content = bundle.read_bytes()
        for name, changed in (("swapped", [entries[1], entries[0], *entries[2:]]), ("last gone", entries[:-1]), ("first gone", entries[1:]),
                              ("doubled", [*entries, entries[-1]]), ("replaced", [*entries[:-1], entries[0]])):
            with self.subTest(name):
                bundle.write_bytes(bundled(changed))
                self.assertFalse(verify_files(self.copy, self.folder))
            bundle.write_bytes(content)
        self.assertTrue(verify_files(self.copy, self.folder))

    def test_an_old_checkpoint_is_of_a_smaller_log(self):
        """Cutting the tail off, checkpoint and all, needs an older checkpoint; against the newer one it is found."""
        newer = Path(self.enterContext(tempfile.TemporaryDirectory())) / "newer"
        some_events(self.server, 1)
        self.server.stop()
        copy_tree(self.server.directory, newer)
        self.server.start()
        later = tlog.logs(newer)[-1]
        self.assertTrue(tlog.extends(later, self.folder))
        self.assertTrue(verify_files(newer, later))
        self.assertTrue(is_consistent(newer, later, self.folder / "checkpoint"))
        self.assertFalse(is_consistent(self.copy, self.folder, later / "checkpoint"))
        shutil.copy(self.folder / "checkpoint", later / "checkpoint")
        self.assertTrue(tlog.extends(later, self.folder))
        # The older files, as if the tail had been cut off.
        with self.assertRaises((AssertionError, ValueError)):
            tlog.extends(self.folder, self.log())


def bundled(entries):
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


class Live(Tamper):
    """The running server's own files, and its own verification."""

    def test_verification_names_what_was_changed(self):
        self.assertEqual(self.verdict(), [])
        with self.server.trail() as trail:
            trail.sync()
        for path in [path for path in sorted(self.log().rglob("*")) if path.is_file()]:
            content = path.read_bytes()
            for at in (0, len(content) // 2, len(content) - 2):
                with self.subTest(path.name, at=at):
                    overwrite(path, content[:at] + bytes([content[at] ^ 4]) + content[at + 1:])
                    self.assertNotEqual(self.verdict(), [])
                overwrite(path, content)
        self.assertEqual(self.verdict(), [])

    def test_a_changed_entry_is_named_by_its_index(self):
        with self.server.trail() as trail:
            trail.sync()
        size = tlog.Checkpoint.read(self.log() / "checkpoint").size
        entries = tlog.entries(self.log(), size)
        bundle = next(path for path in self.log().rglob("*") if path.is_file() and path.read_bytes() == bundled(entries))
        content = bundle.read_bytes()
        for index in (0, size // 2, size - 1):
            with self.subTest(index):
                changed = entries[index][:-1] + bytes([entries[index][-1] ^ 1])
                overwrite(bundle, bundled([*entries[:index], changed, *entries[index + 1:]]))
                self.assertIn(index, [row["first_bad"] for row in self.verdict()])
            overwrite(bundle, content)
        self.assertEqual(self.verdict(), [])


def overwrite(path, content):
    """In place: owner and mode stay."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)


# Whether the triggers fire that keep the rows of the projection: A, always; D, never.
TRIGGERS = "UPDATE pg_trigger SET tgenabled = '{}' WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'audit\\_%' AND relnamespace = 'ward_internal'::regnamespace)"


class Projection(Tamper):
    """Rows of the projection changed behind ward's back: by a server without the library, and in the table's file."""

    CHANGES = {
        "a block": "UPDATE ward_internal.audit_block SET body = jsonb_set(body, '{text}', '\"other\"') WHERE kind = 'text'",
        "an identity": "UPDATE ward_internal.audit_block SET body = jsonb_set(body, '{subject}', '\"mallory\"') WHERE kind = 'identity'",
        "a block gone": "DELETE FROM ward_internal.audit_block WHERE kind = 'identity'",
        "a rollback": "INSERT INTO ward_internal.audit_rollback SELECT boot, session, 1000000, 0, at, box(point(session, 0), point(session, 999999)) FROM ward_internal.audit_event WHERE kind = 'write' LIMIT 1",
        "an event": "UPDATE ward_internal.audit_event SET outcome = 'allowed' WHERE outcome = 'denied'",
        "an event gone": "DELETE FROM ward_internal.audit_event WHERE index = (SELECT max(index) FROM ward_internal.audit_event)",
        "an event more": "INSERT INTO ward_internal.audit_event SELECT (jsonb_populate_record(e, jsonb_build_object('index', e.index + 100000))).* "
                         "FROM ward_internal.audit_event e LIMIT 1",
        "all gone": "DELETE FROM ward_internal.audit_event",
    }

    def test_changed_without_the_library(self):
        database = self.server.world.name
        self.assertEqual(self.verdict(), [])
        for name, change in self.CHANGES.items():
            with self.subTest(name):
                self.server.stop()
                self.save()
                self.server.start("shared_preload_libraries=")
                with self.server.connect(database) as db:
                    db.execute("SET allow_system_table_mods = on")
                    db.execute(TRIGGERS.format("D"))
                # Even without being preloaded the library is there for its triggers, until nobody calls them.
                with self.server.connect(database) as db:
                    changed = db.execute(change).rowcount
                with self.server.connect(database) as db:
                    db.execute("SET allow_system_table_mods = on")
                    db.execute(TRIGGERS.format("A"))
                self.server.restart()
                self.assertGreater(changed, 0, "the change changed nothing")
                self.assertNotEqual(self.verdict(), [], "nobody noticed")
                # Back to before, so that each change stands alone.
                self.server.stop()
                self.put_back()
                self.server.start()
                self.assertEqual(self.verdict(), [])

    def places(self):
        """Each directory of the server, and where it is kept meanwhile."""
        return [(path, path.with_name(f"{path.name}.before")) for path in (self.server.data, self.server.directory)]

    def save(self):
        for path, kept in self.places():
            copy_tree(path, kept)

    def put_back(self):
        for path, kept in self.places():
            owner = path.stat()
            shutil.rmtree(path)
            shutil.move(kept, path)
            for one_of_them in (path, *path.rglob("*")):
                os.chown(one_of_them, owner.st_uid, owner.st_gid, follow_symlinks=False)
            path.chmod(0o700)

    def test_changed_in_the_tables_file(self):
        database, canary = self.server.world.name, "canary_of_a_block"
        with self.server.app(self.server.world.token(1)) as db:
            db.execute(f"SELECT body AS {canary} FROM docs")
        with self.server.trail() as trail:
            self.assertEqual(len(trail.events("query LIKE %s", f"%{canary}%")), 1)
        self.server.stop()
        self.save()
        with_canary = [path for path in (self.server.data / "base").rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
        self.assertTrue(with_canary)
        for path in with_canary:
            overwrite(path, path.read_bytes().replace(canary.encode(), b"kanary_of_a_block"))
        self.server.start()
        with self.server.connect(database) as db, Trail(db) as trail:
            self.assertEqual(trail.events("query LIKE %s", f"%{canary}%"), [])
            self.assertNotEqual(trail.verify(), [])
        self.server.stop()
        self.put_back()
        self.server.start()
        self.assertEqual(self.verdict(), [])


class BySql(Tamper):
    """Nobody changes the projection by SQL, and who tries is recorded."""

    ATTEMPTS = [
        "UPDATE ward_internal.audit_event SET index = index",
        "DELETE FROM ward_internal.audit_event",
        "INSERT INTO ward_internal.audit_event SELECT * FROM ward_internal.audit_event",
        "TRUNCATE ward_internal.audit_event",
        "COPY ward_internal.audit_rollback TO '/tmp/ward-audit-rollback'; COPY ward_internal.audit_rollback FROM '/tmp/ward-audit-rollback'",
        "MERGE INTO ward_internal.audit_event e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "DROP TABLE ward_internal.audit_event CASCADE",
        "ALTER TABLE ward_internal.audit_event ADD COLUMN more int",
        "ALTER TABLE ward_internal.audit_event DISABLE TRIGGER ALL",
        "ALTER TABLE ward_internal.audit_event OWNER TO app",
        "ALTER TABLE ward_internal.audit_event RENAME TO other",
        "ALTER TABLE ward_internal.audit_event SET SCHEMA public",
        "ALTER TABLE ward_internal.audit_event SET UNLOGGED",
        "ALTER TABLE ward_internal.audit_event REPLICA IDENTITY FULL",
        "CREATE RULE r AS ON INSERT TO ward_internal.audit_event DO INSTEAD NOTHING",
        "CREATE TRIGGER t BEFORE INSERT ON ward_internal.audit_event FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE TABLE public.part (LIKE ward_internal.audit_event); ALTER TABLE ward_internal.audit_event ATTACH PARTITION public.part DEFAULT",
        "CREATE TABLE public.part PARTITION OF ward_internal.audit_event DEFAULT",
        "CREATE TABLE public.child () INHERITS ({partition})",
        "ALTER TABLE ward_internal.audit_event DETACH PARTITION {partition}",
        "DROP TABLE {partition}",
        "TRUNCATE {partition}",
        "DELETE FROM {partition}",
        "UPDATE {partition} SET index = index",
        "ALTER TABLE ward_internal.audit_event ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON ward_internal.audit_event USING (false)",
        "CREATE INDEX ON ward_internal.audit_event ((1 / (index - index)))",
        "UPDATE ward_internal.audit_block SET id = id",
        "DELETE FROM ward_internal.audit_block",
        "TRUNCATE ward_internal.audit_block",
        "DROP TABLE ward_internal.audit_block CASCADE",
        "INSERT INTO ward_internal.audit_rollback SELECT boot, session, seq + 1, 0, at, box(point(session, 0), point(session, seq)) FROM ward_internal.audit_event",
        "DELETE FROM ward_internal.audit_rollback",
        "UPDATE ward_internal.audit_cursor SET next = 0",
        "DELETE FROM ward_internal.audit_cursor",
        "DROP VIEW ward.audit CASCADE",
        "CREATE OR REPLACE VIEW ward.audit AS SELECT 1 AS x",
        "ALTER VIEW ward.audit RENAME TO other",
        "ALTER EXTENSION ward DROP TABLE ward_internal.audit_event",
        "ALTER EXTENSION ward DROP VIEW ward.audit",
        "ALTER FUNCTION ward.verify_audit() RENAME TO other",
        "DROP FUNCTION ward.verify_audit()",
        "DO $$BEGIN DELETE FROM ward_internal.audit_event; EXCEPTION WHEN insufficient_privilege THEN RAISE; END$$",
        "WITH gone AS (DELETE FROM ward_internal.audit_event RETURNING 1) SELECT count(*) FROM gone",
        "PREPARE gone AS DELETE FROM ward_internal.audit_event; EXECUTE gone",
    ]

    def sessions(self):
        """Who tries: the owner of the extension's objects, a superuser in maintenance, one who would change catalogs, an administrator."""
        with self.server.connect() as db:
            if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = 'steward'").fetchone():
                db.execute("CREATE ROLE steward LOGIN IN ROLE ward_admin; CREATE ROLE second LOGIN SUPERUSER")
        connect, database = self.server.connect, self.server.world.name
        return {
            "owner": connect(database),
            "superuser": connect(database, "second"),
            "superuser in maintenance": connect(database, options="-c ward.maintenance=tamper"),
            "superuser over catalogs": connect(database, "second", options="-c allow_system_table_mods=on -c ward.maintenance=tamper"),
            "replica": connect(database, options="-c session_replication_role=replica -c ward.maintenance=tamper"),
            "administrator": connect(database, "steward"),
        }

    def test_every_attempt_is_refused_and_recorded(self):
        with self.server.trail() as trail:
            partition = one(trail.db, "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ward_internal.audit_event'::regclass")
            content = self.content(trail)
            for who, db in self.sessions().items():
                with db:
                    for attempt in self.ATTEMPTS:
                        with self.subTest(attempt, who=who):
                            self.attempt(trail, db, who, attempt.format(partition=partition))
            self.assertEqual(self.content(trail), content)
            self.assertEqual(trail.verify(), [])

    def content(self, trail, size=[]):
        """A digest of the first rows: those that were there when this was asked first."""
        size[:] = size or [trail.end()]
        rows = trail.db.execute("SELECT * FROM ward.audit WHERE (log, index) <= (%s, %s) ORDER BY log, index", size[0]).fetchall()
        return str(rows)

    def attempt(self, trail, db, who, attempt):
        begin = trail.end()
        # What is not refused is at least undone.
        db.execute("BEGIN")
        try:
            with self.assertRaises(psycopg.Error) as caught:
                db.execute(attempt)
        finally:
            db.execute("ROLLBACK")
        self.assertEqual(caught.exception.sqlstate, "42501", str(caught.exception))
        if who != "administrator":
            self.assertEqual((caught.exception.diag.message_detail or "")[:5], "WD032", str(caught.exception))
        events = trail.denials(since=begin)
        self.assertEqual([e["sqlstate"] for e in events], ["42501"])

    def test_the_projection_is_readable_by_whom_it_is_for(self):
        """The control: reading it is allowed, to auditors; and to nobody else."""
        with self.server.connect() as db:
            db.execute("DROP ROLE IF EXISTS inspector; CREATE ROLE inspector LOGIN IN ROLE ward_auditor")
        with self.server.connect(self.server.world.name, "inspector") as db:
            self.assertGreater(one(db, "SELECT count(*) FROM ward.audit"), 0)
        with self.server.app(self.server.world.token(1)) as db, denied("42501"):
            db.execute("SELECT count(*) FROM ward.audit")

    def test_forged_records(self):
        with self.server.trail() as trail, self.server.app(self.server.world.token(1)) as app:
            begin = trail.end()
            size = tlog.Checkpoint.read(self.log() / "checkpoint").size
            copied = tlog.entries(self.log(), size)[-1]
            with self.server.admin() as admin:
                forgeries = [b"rubbish", b"", copied, copied[9:], b"\1" + copied[9:] + bytes(16)]
                for forgery in forgeries:
                    admin.execute("SELECT pg_logical_emit_message(false, 'ward', %s::bytea)", (forgery,))
                # One's own prefix is nobody's business; this is the control.
                admin.execute("SELECT pg_logical_emit_message(false, 'mine', 'x'::bytea)")
            # With a token ward refuses the function as a whole. That is durable at once, and so is what lies before it.
            with denied("42501"):
                app.execute("SELECT pg_logical_emit_message(false, 'ward', 'x')")
            self.assertEqual(len(trail.events("kind = 'forged'", since=begin)), len(forgeries))
            self.assertEqual(trail.verify(), [])


class BesideSql(Tamper):
    def test_what_reaches_past_statements_is_seen(self):
        """Superusers can still write catalogs and pages. The one is recorded, the other is found."""
        partition = "(SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ward_internal.audit_event'::regclass LIMIT 1)"
        with self.server.admin() as db, self.server.trail() as trail:
            begin = trail.end()
            db.execute("SET allow_system_table_mods = on")
            db.execute(TRIGGERS.format("A"))
            self.assertTrue(trail.events("kind = 'privilege' AND query LIKE %s", "UPDATE pg_trigger%", since=begin))
            self.assertEqual(trail.verify(), [])
            db.execute("CREATE EXTENSION pg_surgery")
            db.execute(f"BEGIN; SELECT heap_force_kill({partition}, ARRAY['(0,1)']::tid[]); COMMIT")
            self.assertNotEqual(trail.verify(), [])
