"""Where the library is not preloaded, protected tables are refused, not answered unprotected (a second server)."""

import os
import subprocess

import psycopg
from harness import WardTest
from servers import Server

TOUCHES = ["SELECT * FROM docs", "SELECT count(*) FROM notes", "SELECT * FROM events", "SELECT * FROM events_1",
           "INSERT INTO docs (id, tenant_id) VALUES (9001, 1)", "UPDATE docs SET body = 'x'", "DELETE FROM notes"]
CALLS = ["SELECT ward.tenant()", "SELECT * FROM ward.session()", "SELECT ward.login('a.b.c', 'session')"]
ADMINISTERS = ["SELECT ward.protect('docs_open', label => NULL)", "SELECT ward.unprotect('docs', 'test')",
               "SELECT ward.distrust_issuer('https://idp.test')", "SELECT ward.define_category('unloaded')"]


class Unloaded(WardTest):
    def test_policies_and_functions_refuse(self):
        env = os.environ | {"PGOPTIONS": "-c ward.maintenance=move"}
        dump = subprocess.run(["pg_dump", "-d", self.world.name], env=env, check=True, capture_output=True).stdout
        with Server("unloaded", "shared_preload_libraries = ''") as server:
            with server.connect() as db:
                db.execute("CREATE ROLE app LOGIN")
            env = os.environ | {f"PG{name.upper()}": value for name, value in server.address.items()}
            subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", "postgres"],
                           env=env, input=dump, check=True)
            self.check(server)

    def check(self, server):
        with server.connect(user="app") as db:
            # A token is only a text here, and opens nothing.
            db.execute("SELECT set_config('ward.token', %s, false)", (self.world.token(1),))
            self.assertEqual(db.execute("SELECT count(DISTINCT tenant_id) FROM docs_open").fetchone(), (5,))
            for statement in TOUCHES + CALLS:
                with self.subTest(statement), self.refused("WD039", "55000"):
                    db.execute(statement)
            with self.refused("WD039"), db.cursor().copy("COPY docs TO STDOUT") as copy:
                copy.read()
        with server.connect() as admin:
            for statement in ADMINISTERS:
                with self.subTest(statement), self.refused("WD039", "55000"):
                    admin.execute(statement)
