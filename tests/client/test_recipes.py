"""docs/recipes.md: every snippet runs as it stands there (PgBouncer's and node's also in test_pools and test_node)."""

import os
import re
import subprocess

import recipes
import sqlalchemy
from harness import WardTest, tenants
from sqlalchemy import orm, text


class Recipes(WardTest):
    def psql(self, script, shell=False):
        env = os.environ | {"TOKEN": self.world.token(2), "PGDATABASE": self.world.name, "PGUSER": "app"}
        command = ["sh", "-c", script] if shell else ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        done = subprocess.run(command, input=None if shell else script, env=env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_psql_in_the_connection_options(self):
        shown = self.psql(recipes.snippet("psql", "sh"), shell=True)
        self.assertRegex(shown, r"(?m)^ *60$")

    def test_psql_in_a_transaction(self):
        self.assertEqual(self.psql(recipes.snippet("psql", "psql")), "60\n")

    def test_psql_maintenance(self):
        statement = re.search(r"`(SET ward.maintenance = [^`]*)`", recipes.PAGE)[1]
        with self.world.admin() as db:
            with self.refused("WD000"):
                tenants(db)
            db.execute(statement)
            self.assertEqual(tenants(db), {1, 2, 3, 4, 5})

    def test_psycopg(self):
        acting_for = recipes.python("psycopg 3")["acting_for"]
        with self.world.app() as db:
            with acting_for(db, self.world.token(3)) as connection:
                self.sees_only(connection, 3)
            with self.refused("WD000"):
                tenants(db)
            with db.pipeline(), acting_for(db, self.world.token(1)):
                answer = db.execute("SELECT DISTINCT tenant_id FROM docs WHERE id > %s", (0,))
            self.assertEqual(answer.fetchall(), [(1,)])

    def test_sqlalchemy_core_and_orm(self):
        recipe = recipes.python("SQLAlchemy 2")
        engine = sqlalchemy.create_engine(sqlalchemy.URL.create("postgresql+psycopg", "app", database=self.world.name))
        self.addCleanup(engine.dispose)
        recipe["identify_transactions"](engine)
        recipe["current_token"].set(self.world.token(4))

        class Base(orm.DeclarativeBase):
            pass

        class Note(Base):
            __tablename__ = "notes"
            id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
            tenant_id: orm.Mapped[int | None]
            body: orm.Mapped[str]

        with engine.connect() as connection:
            seen = connection.execute(text("SELECT DISTINCT tenant_id FROM docs")).all()
        self.assertEqual([tuple(row) for row in seen], [(4,)])
        with orm.Session(engine) as session, session.begin():
            session.add(Note(id=7001, body="written by the ORM"))  # it sends an explicit NULL as tenant
            session.flush()
            self.assertEqual({note.tenant_id for note in session.scalars(sqlalchemy.select(Note))}, {4})
        with orm.Session(engine) as session:
            self.assertEqual(session.get(Note, 7001).tenant_id, 4)
        recipe["current_token"].set(self.world.token(5))
        with orm.Session(engine) as session:
            self.assertIsNone(session.get(Note, 7001))

    def test_every_snippet_is_run_by_some_test(self):
        run = {"psql": ["sh", "psql"], "psycopg 3": ["python"], "SQLAlchemy 2": ["python"], "node-postgres": ["js"],
               "PgBouncer in transaction mode": ["ini"]}
        found = {}
        for section in recipes.PAGE.split("\n## ")[1:]:
            found[section.split("\n", 1)[0]] = re.findall(r"^```(\w+)$", section, re.M)
        self.assertEqual(found, run)
