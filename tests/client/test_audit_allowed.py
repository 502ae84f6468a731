"""What is allowed is recorded as well: every read and write of a protected table, on every way a statement can take; and
nothing of tables that are not protected."""

import unittest

from audit import AuditServer
from denials import CANARY, MATRIX_TABLES, NUMBER, OBJECTS, WAYS, Cause

# Name → (statement, kind of event, relations, rows; None where another way runs it a second time)
WORK = {
    "read": (Cause("read", f"SELECT id, body FROM docs WHERE body <> '{CANARY}'"), "read", {"docs"}, 60),
    "empty": (Cause("empty", f"SELECT id FROM docs WHERE body = '{CANARY}'"), "read", {"docs"}, 0),
    "join": (Cause("join", "SELECT n.body FROM notes n JOIN docs d ON d.id = n.doc_id"), "read", {"notes", "docs"}, 20),
    "sub-select": (Cause("sub-select", "SELECT (SELECT count(*) FROM docs)"), "read", {"docs"}, 1),
    "partitions": (Cause("partitions", "SELECT id FROM events"), "read", {"events"}, 40),
    "partition": (Cause("partition", "SELECT id FROM events_1"), "read", {"events_1"}, 40),
    "masked": (Cause("masked", "SELECT id FROM people"), "read", {"people"}, 4),
    "insert": (Cause("insert", f"INSERT INTO docs (id, body) SELECT max(id) + 1, '{CANARY}' FROM docs", kind="write"), "write", {"docs"}, 1),
    "update": (Cause("update", f"UPDATE docs SET body = '{CANARY}' WHERE id < 20", kind="write"), "write", {"docs"}, 3),
    "delete": (Cause("delete", f"DELETE FROM notes WHERE id = {NUMBER}", kind="write"), "write", {"notes"}, 0),
    "write in a WITH": (Cause("write in a WITH", "WITH x AS (SELECT id FROM docs), y AS (UPDATE notes SET body = 'x' RETURNING id) SELECT 1 FROM x"),
                        "write", {"docs", "notes"}, None),
}
# In a worker ward refuses protected tables (denials.expected); nothing can be read with a cursor that writes.
NOT_HERE = {"parallel worker", "view"}
CANNOT_WRITE = {"read only", "cursor"}


def cells():
    for name, (cause, kind, _, _) in WORK.items():
        for way, (_, kinds, _) in WAYS.items():
            if cause.kind in kinds and way not in NOT_HERE and not (kind == "write" and way in CANNOT_WRITE):
                yield name, way


class Allowed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(AuditServer("allowed", tables=MATRIX_TABLES))
        with cls.server.admin() as db:
            db.execute(OBJECTS)
            db.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO weak")
        cls.token = cls.server.world.token(1, clearance="confidential")

    def do(self, application, cause, way):
        function, _, options = WAYS[way]
        with self.server.app(self.token, application_name=application, options=options) as db:
            db.prepare_threshold = None
            function(db, cause)

    def test_every_statement_is_recorded_once(self):
        for number, (name, way) in enumerate(cells()):
            with self.subTest(name, way=way):
                self.do(f"cell {number}", WORK[name][0], way)
        with self.server.trail() as trail:
            found = {}
            for event in trail.events("application LIKE 'cell %%' AND kind <> 'rollback'"):
                found.setdefault(event["application"], []).append(event)
            self.assertEqual(trail.denials("application LIKE 'cell %%'"), [])
        for number, (name, way) in enumerate(cells()):
            with self.subTest(name, way=way):
                self.check(found.get(f"cell {number}", []), name, way)

    def check(self, events, name, way):
        _, kind, relations, rows = WORK[name]
        self.assertEqual([e["kind"] for e in events], [kind])
        event, = events
        self.assertEqual((event["outcome"], event["subject"], event["session_role"]), ("allowed", "alice", "app"))
        self.assertLessEqual({f"public.{relation}" for relation in relations}, set(event["relations"]))
        if rows is not None and way not in ("cursor", "rolled back"):
            self.assertEqual(event["rows"], rows)
        self.assertNotIn(CANARY, str(event))
        self.assertNotIn(str(NUMBER), str(event))

    def test_what_is_rolled_back_is_marked(self):
        with self.server.trail() as trail:
            begin = trail.end()
            for way in ("rolled back", "savepoint"):
                self.do(f"undone, {way}", WORK["update"][0], way)
            self.do("kept", WORK["update"][0], "top level, simple protocol")
            events = {e["application"]: e for e in trail.events("kind = 'write'", since=begin)}
        self.assertEqual({name: e["rolled_back"] for name, e in events.items()},
                         {"undone, rolled back": True, "undone, savepoint": True, "kept": False})

    def test_unprotected_tables_leave_nothing(self):
        with self.server.trail() as trail, self.server.app(self.token, application_name="open") as db:
            begin = trail.end()
            db.execute("SELECT count(*) FROM docs_open; UPDATE docs_open SET body = 'x'; CREATE TEMP TABLE t (id int)")
            self.assertEqual(trail.events("application = 'open' AND kind IN ('read', 'write', 'row')", since=begin), [])
            # The control.
            db.execute("SELECT count(*) FROM docs")
            self.assertEqual(len(trail.events("application = 'open' AND kind = 'read'", since=begin)), 1)

    def test_row_changes(self):
        with self.server.admin() as db:
            db.execute("CREATE TABLE rows (id int PRIMARY KEY, tenant_id int, body text, ssn text); GRANT ALL ON rows TO app")
            db.execute("""SELECT ward.protect('rows', label => NULL, options => '{"audit_rows": true}')""")
            db.execute("SELECT ward.mask('rows', 'ssn', 'null', 'secret')")
        with self.server.trail() as trail, self.server.app(self.token) as db:
            begin = trail.end()
            db.execute("INSERT INTO rows (id, body, ssn) VALUES (1, 'old', '900-11-2222')")
            db.execute("UPDATE rows SET body = 'new'")
            db.execute("DELETE FROM rows")
            events = trail.events("kind = 'row'", since=begin)
            self.assertEqual([e["operation"].lower() for e in events], ["insert", "update", "delete"])
            self.assertEqual((events[1]["key"], events[1]["changed_columns"]), ({"id": 1}, ["body"]))
            self.assertEqual((events[1]["old"]["body"], events[1]["new"]["body"]), ("old", "new"))
            self.assertNotIn("900-11-2222", str(events))

