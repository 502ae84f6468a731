"""Dump and restore of a protected database: rows, labels, custom categories, policies and trust come back, and enforce."""

import os
import subprocess
import tempfile
from pathlib import Path

import psycopg
from harness import PROTECT, TABLES, WardTest, tenants
from psycopg import sql

CUSTOM = """
SELECT ward.define_category('merger');
SELECT ward.define_category('layoffs');
CREATE TABLE secrets (id int, tenant_id int, label ward.label, owner text, shared_with text[]);
INSERT INTO secrets VALUES (1, 1, 'restricted{merger}', 'alice', '{}'), (2, 1, 'restricted{layoffs,pii}', 'bob', '{staff}'),
    (3, 2, 'public', 'carol', '{}');
SELECT ward.protect('secrets', owner => 'owner', acl => 'shared_with', options => '{"default_label": "confidential", "audit_rows": true}');
SELECT ward.revoke('subject', 'mallory', 'left');
SELECT ward.mask('docs', 'body', 'partial(2,"…",0)', 'secret', 'project');
"""
STATE = {
    "labels": "SELECT id, label::text FROM secrets ORDER BY id",
    "categories": "SELECT name, bit FROM ward_internal.category ORDER BY bit",
    "issuers": "SELECT issuer, audience, key_ids FROM ward.issuers ORDER BY 1",
    "revocations": "SELECT kind, value, reason FROM ward.revocations",
    "protections": "SELECT relation::regclass::text, tenant, label, owner, acl, options FROM ward.protections ORDER BY 1",
    "masks": "SELECT relation::regclass::text, column_name, method, label::text, mode, unless_owner FROM ward.masks ORDER BY 1, 2",
    "policies": "SELECT schemaname, tablename, policyname, permissive, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2, 3",
    "row security": "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relrowsecurity ORDER BY 1",
    "triggers": "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'ward%' ORDER BY 1, 2",
    "rows": "SELECT (SELECT count(*) FROM docs), (SELECT count(*) FROM notes), (SELECT count(*) FROM events)",
}


class Dump(WardTest):
    tables = TABLES + PROTECT + CUSTOM

    def setUp(self):
        self.restored = self.world.name + "_restored"
        self.server = psycopg.connect(dbname="postgres", autocommit=True)
        self.drop()
        self.server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(self.restored)))
        self.addCleanup(self.server.close)
        self.addCleanup(self.drop)

    def drop(self):
        self.server.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(self.restored)))

    def tool(self, *command):
        env = os.environ | {"PGOPTIONS": "-c ward.maintenance=backup"}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def state(self, dbname):
        with psycopg.connect(dbname=dbname, autocommit=True) as db:
            db.execute("SET ward.maintenance = 'compare'")
            return {name: db.execute(query).fetchall() for name, query in STATE.items()}

    def check(self):
        state = self.state(self.restored)
        self.assertEqual(state, self.state(self.world.name))
        self.assertEqual(state["labels"], [(1, "restricted{x0}"), (2, "restricted{pii,x1}"), (3, "public")])
        self.assertEqual((state["categories"], state["rows"]), ([("merger", 0), ("layoffs", 1)], [(300, 100, 200)]))
        app = lambda token: psycopg.connect(dbname=self.restored, user="app", autocommit=True, options=f"-c ward.token={token}")
        with psycopg.connect(dbname=self.restored, user="app", autocommit=True) as db, self.refused("WD000"):
            tenants(db)
        for table in ("docs", "notes", "events"):
            with app(self.world.token(3)) as db:
                self.sees_only(db, 3, table)
        with app(self.world.token(1, clearance="secret{merger}")) as db:
            self.assertEqual(db.execute("SELECT id FROM secrets").fetchall(), [(1,)])
            db.execute("INSERT INTO secrets (id) VALUES (4)")
            self.assertEqual(db.execute("SELECT tenant_id, label::text, owner FROM secrets WHERE id = 4").fetchall(),
                             [(1, "confidential", "alice")])
        with app(self.world.token(1, subject="mallory")) as db, self.refused("WD012"):
            tenants(db)
        # New children of restored tables are covered as before.
        with psycopg.connect(dbname=self.restored, autocommit=True) as admin:
            admin.execute("ALTER TABLE events DETACH PARTITION events_rest; CREATE TABLE e4 PARTITION OF events FOR VALUES IN (4)")
            with self.refused("WD000"):
                admin.execute("SELECT * FROM e4")

    def test_plain(self):
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "dump.sql")
            self.tool("pg_dump", "-d", self.world.name, "-f", file)
            self.tool("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", self.restored, "-f", file)
            self.check()

    def test_custom_format_in_parallel(self):
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "dump")
            self.tool("pg_dump", "-d", self.world.name, "-Fc", "-f", file)
            self.tool("pg_restore", "--exit-on-error", "-j", "2", "-d", self.restored, file)
            self.check()

    def test_inserts(self):
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "dump.sql")
            self.tool("pg_dump", "-d", self.world.name, "--column-inserts", "-f", file)
            self.tool("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", self.restored, "-f", file)
            self.check()

    def test_as_template(self):
        # CREATE DATABASE … TEMPLATE copies files: relation numbers stay, the protection must as well.
        self.drop()
        self.server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(self.restored), sql.Identifier(self.world.name)))
        self.check()
