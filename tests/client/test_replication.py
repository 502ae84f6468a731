"""Logical replication from and into protected tables: every row arrives, each with its tenant, and both ends enforce."""

import time

from harness import PROTECT, TABLES, WardTest, World, one
from psycopg import sql
from servers import Server

PUBLISHED = "docs, events"
# Initial copies run ordinary COPY over a replication connection: it needs an administrator's reason like any other.
MAINTENANCE = "-c ward.maintenance=replication"


class Replication(WardTest):
    @classmethod
    def setUpClass(cls):
        # Publisher and subscriber are databases of one server, so the slot is made beforehand.
        server = cls.enterClassContext(Server("replication", "wal_level = logical", "wal_retrieve_retry_interval = 200"))
        address = server.address | {"user": "postgres"}
        cls.source = World("published", address=server.address)
        empty = "TRUNCATE docs, notes, events;"
        cls.target = World("subscribed", TABLES + empty + PROTECT, issuer=cls.source.issuer, address=server.address)
        with cls.source.admin() as db:
            db.execute(f"CREATE PUBLICATION everything FOR TABLE {PUBLISHED}")
            db.execute("SELECT pg_create_logical_replication_slot('ward', 'pgoutput')")
        cls.conninfo = " ".join(f"{key}={value}" for key, value in (address | {"dbname": cls.source.name}).items())
        cls.addClassCleanup(cls.unsubscribe)
        with cls.target.admin() as db:
            db.execute(sql.SQL("CREATE SUBSCRIPTION ward CONNECTION {} PUBLICATION everything "
                               "WITH (create_slot = false, slot_name = ward)")
                       .format(f"{cls.conninfo} options='{MAINTENANCE}'"))

    @classmethod
    def unsubscribe(cls):
        with cls.target.admin() as db:
            db.execute("ALTER SUBSCRIPTION ward DISABLE; ALTER SUBSCRIPTION ward SET (slot_name = NONE)")
            db.execute("DROP SUBSCRIPTION ward")

    def wait(self, question, why):
        with self.target.admin() as db:
            db.execute("SET ward.maintenance = 'test'")
            for _ in range(150):
                if one(db, question):
                    return
                time.sleep(0.2)
        self.fail(why)

    def test_rows_arrive_and_both_ends_enforce(self):
        self.wait("SELECT count(*) > 1 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel", "the initial copy does not end")
        self.wait("SELECT (SELECT count(*) FROM docs) = 300 AND (SELECT count(*) FROM events) = 200", "rows are missing")
        with self.source.app(self.source.token(2)) as db:
            db.execute("INSERT INTO docs (id, label, body) VALUES (900, 'public', 'applied')")
            db.execute("UPDATE docs SET body = 'changed' WHERE id = 6")
            db.execute("DELETE FROM docs WHERE id = 1")
            db.execute("INSERT INTO events (id, body) VALUES (900, 'routed')")
        self.wait("SELECT count(*) = 1 FROM docs WHERE id = 900 AND tenant_id = 2", "an insert is not applied")
        self.wait("SELECT count(*) = 1 FROM docs WHERE body = 'changed'", "an update is not applied")
        self.wait("SELECT count(*) = 0 FROM docs WHERE id = 1", "a delete is not applied")
        self.wait("SELECT count(*) = 1 FROM events_2 WHERE id = 900", "a row does not reach its partition")
        for world in (self.source, self.target):
            for tenant in (2, 3):
                with world.app(world.token(tenant)) as db:
                    self.sees_only(db, tenant)
                    self.assertEqual(one(db, "SELECT count(*) FROM docs WHERE id = 900"), int(tenant == 2))
            with world.app() as db, self.refused("WD000"):
                db.execute("SELECT * FROM docs")

    def test_a_replication_connection_is_no_way_round(self):
        with self.source.admin(replication="database") as db:
            with self.refused("WD000"), db.cursor() as cursor, cursor.copy("COPY docs TO STDOUT") as copy:
                copy.read()
            with self.refused("WD000"):
                db.execute("SELECT * FROM docs")
            # The control: nothing else in the way.
            self.assertEqual(one(db, "SELECT count(*) FROM docs_open"), 300)
            # Replication connections speak the simple protocol only.
            db.execute(f"SET ward.token = '{self.source.token(3)}'")
            self.assertEqual(db.execute("SELECT DISTINCT tenant_id FROM docs").fetchall(), [(3,)])
