"""What a server does for itself over protected tables: it sees every row, and nobody sees rows through it."""

import os
import subprocess
import time

import psycopg
from harness import WardTest, be, one, tenants


class Upkeep(WardTest):
    def test_commands(self):
        # A superuser without a token and without maintenance: these show no rows.
        with self.world.admin() as db:
            for command in ("VACUUM docs", "VACUUM FULL docs", "VACUUM (ANALYZE) events", "ANALYZE docs", "ANALYZE", "VACUUM",
                            "REINDEX TABLE docs", "REINDEX TABLE CONCURRENTLY docs", "CLUSTER docs USING docs_pkey",
                            "CREATE INDEX ON docs (body)", "CREATE INDEX ON docs ((lower(body))) WHERE tenant_id = 1",
                            "CREATE INDEX CONCURRENTLY ON docs (label)", "CREATE STATISTICS s ON tenant_id, label FROM docs",
                            "ANALYZE docs", "ALTER TABLE docs ADD COLUMN extra int", "ALTER TABLE docs ADD CHECK (id > 0)",
                            "CHECKPOINT"):
                with self.subTest(command):
                    db.execute(command)
            with self.refused("WD000"):
                tenants(db)
        for tenant in (1, 2):
            with self.world.app(self.world.token(tenant)) as db:
                self.sees_only(db, tenant)

    def test_autovacuum_and_autoanalyze(self):
        with self.world.admin() as db:
            db.execute("ALTER TABLE notes SET (autovacuum_vacuum_threshold = 1, autovacuum_analyze_threshold = 1, "
                       "autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_scale_factor = 0)")
            naptime = one(db, "SHOW autovacuum_naptime")
            db.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
            db.execute("SELECT pg_reload_conf()")
            try:
                db.execute("SET ward.maintenance = 'test'; UPDATE notes SET body = body || '!'; RESET ward.maintenance")
                db.execute("SELECT pg_stat_force_next_flush()")
                done = "SELECT autovacuum_count > 0 AND autoanalyze_count > 0 FROM pg_stat_user_tables WHERE relname = 'notes'"
                for _ in range(200):
                    if one(db, done):
                        break
                    time.sleep(0.2)
                self.assertTrue(one(db, done))
            finally:
                db.execute(f"ALTER SYSTEM SET autovacuum_naptime = '{naptime}'")
                db.execute("SELECT pg_reload_conf()")

    def test_foreign_keys_see_every_tenant_and_show_none(self):
        w = self.world
        with w.app(w.token(1)) as db:
            theirs = 4  # document 4 is tenant 5's
            # The check sees it, as with core's row security: a key's existence is no secret of the referenced row.
            db.execute("INSERT INTO notes (id, doc_id, body) VALUES (501, %s, 'refers')", (theirs,))
            with self.assertRaises(psycopg.errors.ForeignKeyViolation):
                db.execute("INSERT INTO notes (id, doc_id, body) VALUES (502, 99999, 'refers to nothing')")
            self.assertEqual(db.execute("SELECT d.id FROM notes n JOIN docs d ON d.id = n.doc_id WHERE n.id = 501").fetchall(), [])

    def test_cascades_reach_rows_of_every_tenant(self):
        w = self.world
        with w.app(w.token(1)) as one_, w.app(w.token(2)) as two, w.admin() as admin:
            one_.execute("INSERT INTO docs (id, label, body) VALUES (700, 'public', 'parent')")
            two.execute("INSERT INTO notes (id, doc_id, body) VALUES (700, 700, 'child of another tenant')")
            self.assertEqual(one_.execute("DELETE FROM docs WHERE id = 700").rowcount, 1)
            admin.execute("SET ward.maintenance = 'look'")
            self.assertEqual(one(admin, "SELECT count(*) FROM notes WHERE id = 700"), 0)
            # Whoever may not see the parent deletes nothing, and cascades to nothing.
            self.assertEqual(two.execute("DELETE FROM docs WHERE tenant_id = 1").rowcount, 0)

    def test_materialized_view_and_prepared_transaction(self):
        w = self.world
        with w.app(w.token(1)) as db:
            with self.refused("WD034"):
                db.execute("CREATE MATERIALIZED VIEW stolen AS SELECT * FROM docs")
            db.execute("BEGIN")
            db.execute("INSERT INTO notes (id, body) VALUES (801, 'two phases')")
            db.execute("PREPARE TRANSACTION 'ward_test'")
            be(db, w.token(2))
            db.execute("COMMIT PREPARED 'ward_test'")
            self.sees_only(db, 2, "notes")
            be(db, w.token(1))
            self.assertEqual(one(db, "SELECT tenant_id FROM notes WHERE id = 801"), 1)


class Tools(WardTest):
    """PostgreSQL's own command-line tools over a protected database."""

    def tool(self, name, *arguments, maintenance=None):
        env = os.environ | ({"PGOPTIONS": f"-c ward.maintenance={maintenance}"} if maintenance else {})
        return subprocess.run([name, *arguments], env=env, capture_output=True, text=True)

    def test_dump_needs_a_reason(self):
        done = self.tool("pg_dump", "-d", self.world.name, "-t", "docs")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("body 1", done.stdout)
        self.assertRegex(done.stderr, "WD000|row-level security")
        dumped = self.tool("pg_dump", "-d", self.world.name, "-t", "docs_open")
        self.assertIn("body 1", dumped.stdout)  # the control: what is not protected is dumped

    def test_vacuumdb_reindexdb_clusterdb(self):
        for tool in (["vacuumdb", "-z"], ["vacuumdb", "-f"], ["reindexdb"], ["clusterdb"]):
            with self.subTest(tool[0]):
                done = self.tool(*tool, "-q", "-d", self.world.name)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
