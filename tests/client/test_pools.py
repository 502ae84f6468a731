"""Many users over few server connections: nobody ever meets a row of somebody else.

The control arms use session scope, which poolers do not clean up: there the same harness finds foreign rows, which also
shows that server connections really pass from user to user.
"""

import random
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import psycopg
import recipes
import sqlalchemy
from harness import WardTest, be, tenants
from pgbouncer import PgBouncer
from sqlalchemy import text

USERS, TRANSACTIONS, CONNECTIONS = 12, 60, 3


class Crowd:
    """Users in threads of their own, each doing transactions; collects what they saw wrongly."""

    def __init__(self, world):
        self.tokens = [(user % 5 + 1, world.token(user % 5 + 1, subject=f"user{user}")) for user in range(USERS)]
        self.foreign, self.errors, self.transactions = [], [], 0

    def run(self, session):
        """session(user) yields transactions: callables that take (tenant, token) and return the tenants seen."""
        threads = [threading.Thread(target=self.user, args=(session, *who)) for who in self.tokens]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def user(self, session, tenant, token):
        rng = random.Random(token)
        try:
            for transaction in session():
                seen = transaction(tenant, token)
                self.transactions += 1
                if seen != {tenant}:
                    self.foreign.append((tenant, seen))
                time.sleep(rng.random() / 500)
        except Exception as error:
            self.errors.append(repr(error))


class Pools(WardTest):
    def check(self, crowd):
        self.assertEqual(crowd.errors, [])
        self.assertEqual(crowd.foreign, [])
        self.assertEqual(crowd.transactions, USERS * TRANSACTIONS)

    def engine(self):
        url = sqlalchemy.URL.create("postgresql+psycopg", "app", database=self.world.name)
        engine = sqlalchemy.create_engine(url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=120,
                                          connect_args={"prepare_threshold": 2})
        self.addCleanup(engine.dispose)
        return engine

    def test_sqlalchemy_pool(self):
        recipe, engine = recipes.python("SQLAlchemy 2"), self.engine()
        recipe["identify_transactions"](engine)
        ask = text("SELECT DISTINCT tenant_id FROM docs WHERE id > :id")

        def transaction(_, token):
            recipe["current_token"].set(token)
            with engine.begin() as connection:
                return {row[0] for row in connection.execute(ask, {"id": 0})}

        self.check(Crowd(self.world).run(lambda: [transaction] * TRANSACTIONS))
        # Who brings no token gets nothing, whoever had the connection before.
        with self.assertRaises(sqlalchemy.exc.DBAPIError) as caught, engine.begin() as connection:
            recipe["current_token"].set("")
            connection.execute(ask, {"id": 0})
        self.assertCode(caught.exception.orig, "WD000")

    def test_control_session_scope_leaks_in_a_sqlalchemy_pool(self):
        engine = self.engine()

        def log_in(_, token):
            with engine.begin() as connection:
                connection.execute(text("SELECT set_config('ward.token', :token, false)"), {"token": token})
            time.sleep(0.002)
            with engine.begin() as connection:  # perhaps another connection, with somebody else's token
                return {row[0] for row in connection.execute(text("SELECT DISTINCT tenant_id FROM docs"))}

        self.assertNotEqual(Crowd(self.world).run(lambda: [log_in] * TRANSACTIONS).foreign, [])


    def test_more_users_than_a_backend_remembers(self):
        users = 600
        with ThreadPoolExecutor(4) as mints:
            tokens = list(mints.map(lambda n: self.world.token(n % 5 + 1, subject=f"u{n}"), range(users)))
        query = "SELECT tenant_id, ward.subject() FROM docs WHERE id > %s LIMIT 1"
        with self.world.app() as db:
            for n in [*range(users), *range(0, users, 7)]:
                with db.transaction():
                    be(db, tokens[n], local=True)
                    self.assertEqual(db.execute(query, (0,), prepare=True).fetchone(), (n % 5 + 1, f"u{n}"))


class Bouncer(WardTest):
    def setUp(self):
        # One per test: what the control arm leaves on server connections must not reach the others.
        self.bouncer = self.enterContext(
            PgBouncer(self.world.name, recipes.snippet("PgBouncer in transaction mode", "ini"), CONNECTIONS))

    def crowd(self, transaction):
        def session():
            with self.bouncer.connect() as db:
                for _ in range(TRANSACTIONS):
                    yield lambda tenant, token: transaction(db, token)

        return Crowd(self.world).run(session)

    def check(self, crowd):
        Pools.check(self, crowd)
        with self.world.admin() as db:
            used = db.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'app'",
                              (self.world.name,)).fetchone()[0]
        self.assertLessEqual(used, CONNECTIONS)

    def test_transaction_mode(self):
        acting_for = recipes.python("psycopg 3")["acting_for"]

        def transaction(db, token):
            with acting_for(db, token):
                seen = tenants(db)
                seen |= {row[0] for row in db.execute("SELECT tenant_id FROM events WHERE id > %s", (0,))}
                return seen

        self.check(self.crowd(transaction))
        # The next client without a token finds nothing left of anybody.
        for _ in range(2 * CONNECTIONS):
            with self.bouncer.connect() as db, self.refused("WD000"):
                tenants(db)

    def test_pipelines_and_server_side_cursors(self):
        def transaction(db, token):
            with db.pipeline(), db.transaction():
                be(db, token, local=True)
                answer = db.execute("SELECT DISTINCT tenant_id FROM docs WHERE id > %s", (0,))
            with db.transaction():
                be(db, token, local=True)
                with db.cursor(name="c") as cursor:
                    cursor.itersize = 10
                    cursor.execute("SELECT tenant_id FROM docs")
                    return {row[0] for row in cursor} | {row[0] for row in answer}

        self.check(self.crowd(transaction))

    def test_prepared_statements(self):
        if not self.bouncer.prepares:
            raise unittest.SkipTest("needs PgBouncer 1.21 and libpq 17")

        def transaction(db, token):
            with db.transaction():
                be(db, token, local=True)
                return {row[0] for row in db.execute("SELECT DISTINCT tenant_id FROM docs WHERE id > %s", (0,), prepare=True)}

        self.check(self.crowd(transaction))

    def test_control_session_scope_leaks_to_the_next_client(self):
        def transaction(db, token):
            be(db, token, local=False)
            time.sleep(0.002)
            return tenants(db)

        self.assertNotEqual(self.crowd(transaction).foreign, [])

    def test_a_token_in_the_connection_options_is_refused_by_the_pooler(self):
        with self.assertRaises(psycopg.OperationalError):
            self.bouncer.connect(options=f"-c ward.token={self.world.token(1)}")
