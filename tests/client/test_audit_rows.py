"""Row changes and policy changes in the audit, where golden tests do not reach: several sessions, rows too large for an
entry, cascades."""

import unittest

from audit import AuditServer

TABLES = """
CREATE TABLE parents (id int PRIMARY KEY, tenant_id int);
CREATE TABLE children (id int PRIMARY KEY, tenant_id int, parent_id int REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE);
SELECT ward.protect(relation, label => NULL, options => '{"audit_rows": true}') FROM unnest('{parents,children}'::regclass[]) relation;
"""
WIDE = 300


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(AuditServer("rows"))
        with cls.server.admin() as db:
            db.execute(TABLES)
            columns = ", ".join(f"column_{number} text" for number in range(WIDE))
            db.execute(f"CREATE TABLE wide (id int PRIMARY KEY, tenant_id int, {columns})")
            db.execute("SELECT ward.protect('wide', label => NULL, options => '{\"audit_rows\": true}')")
            db.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO app")

    def app(self):
        return self.server.app(self.server.world.token(1))

    def changes(self, relation, since):
        with self.server.trail() as trail:
            events = trail.events("kind = 'row' AND changed_relation = %s", f"public.{relation}", since=since)
        return [(event["operation"], event["key"], event["old"], event["new"]) for event in events]

    def here(self):
        with self.server.trail() as trail:
            return trail.end()

    def test_cascades(self):
        since = self.here()
        with self.app() as db:
            db.execute("INSERT INTO parents VALUES (1, 1)")
            db.execute("INSERT INTO children VALUES (10, 1, 1)")
            db.execute("UPDATE parents SET id = 2")
            db.execute("DELETE FROM parents")
        row = {"id": 10, "tenant_id": 1, "parent_id": 2}
        self.assertEqual(self.changes("children", since), [
            ("insert", {"id": 10}, None, row | {"parent_id": 1}),
            ("update", {"id": 10}, {"parent_id": 1}, {"parent_id": 2}),
            ("delete", {"id": 10}, row, None),
        ])

    def test_rows_that_are_too_large(self):
        """Long values give way to digests; a row that is still too large to its own. Nothing is missed."""
        since = self.here()
        for number, length in enumerate((1, 100, 1000, 5000)):
            with self.app() as db:
                values = ", ".join([f"repeat('x', {length})"] * WIDE)
                db.execute(f"INSERT INTO wide VALUES ({number}, 1, {values})")
        found = self.changes("wide", since)
        self.assertEqual([key for _, key, _, _ in found], [{"id": number} for number in range(4)])
        self.assertEqual(found[0][3]["column_0"], "x")
        for _, _, _, new in found[1:]:
            self.assertEqual(set(new), {"bytes", "hmac"})
        with self.server.admin() as db:
            db.execute("SELECT ward.audit_sync()")
            self.assertEqual(db.execute("SELECT DISTINCT verdict, reason FROM ward.verify_audit()").fetchall(), [("valid", None)])

    def test_policy_changes_do_not_wait(self):
        """A session that makes tables, or an administrator who thinks it over, holds up nobody who revokes a token."""
        version = "SELECT sum(changes) FROM ward_internal.policy_version"
        with self.server.admin() as one, self.server.admin() as other:
            before = other.execute(version).fetchone()[0]
            one.execute("BEGIN; SELECT ward.revoke('token', 'one', 'a test')")
            other.execute("SET statement_timeout = '5s'")
            other.execute("SELECT ward.revoke('token', 'other', 'a test')")
            self.assertEqual(other.execute(version).fetchone()[0], before + 1)
            one.execute("COMMIT")
            self.assertEqual(other.execute(version).fetchone()[0], before + 2)
            one.execute("BEGIN; SELECT ward.revoke('token', 'undone', 'a test'); ROLLBACK")
            other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT ward.revoke('token', 'third', 'a test'); COMMIT")
            self.assertEqual(other.execute(version).fetchone()[0], before + 3)
            other.execute("SELECT ward.revoke('token', 'fourth', 'a test')")
            self.assertEqual(other.execute("SELECT count(*), sum(changes) FROM ward_internal.policy_version").fetchone(), (1, before + 4))


if __name__ == "__main__":
    unittest.main()
