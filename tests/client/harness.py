"""What the client tests share: an issuer with real keys, a database with protected tables, connections.

Every test class gets a database of its own (`World`), because trust and protection belong to a database.
Tenants are integers; a token names one; a row of the wrong tenant in a result is a leak.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import psycopg
from psycopg import sql

MINT = os.environ["WARD_MINT"]
HERE = Path(__file__).parent
ISSUER = "https://idp.test"
AUDIENCE = "app-db"
KEYS = tempfile.TemporaryDirectory(prefix="ward-keys-")

# Protected tables and the unprotected twin of the first: what leaks when nothing defends it.
TABLES = """
CREATE TABLE docs (id int PRIMARY KEY, tenant_id int, label ward.label, body text);
INSERT INTO docs SELECT n, n % 5 + 1,
        (ARRAY['public', 'internal', 'confidential'])[n % 3 + 1]::ward.label, 'body ' || n
    FROM generate_series(1, 300) n;
CREATE INDEX ON docs (tenant_id);
CREATE TABLE docs_open AS TABLE docs;
CREATE TABLE notes (id int PRIMARY KEY, doc_id int REFERENCES docs ON DELETE CASCADE, tenant_id int, body text);
INSERT INTO notes SELECT n, n, n % 5 + 1, 'note ' || n FROM generate_series(1, 100) n;
CREATE TABLE events (id int, tenant_id int, body text, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events SELECT n, n % 5 + 1, 'event ' || n FROM generate_series(1, 200) n;
CREATE INDEX ON events (body);
ANALYZE docs, notes, events;
"""
PROTECT = """
SELECT ward.protect('docs');
SELECT ward.protect('notes', label => NULL);
SELECT ward.protect('events', label => NULL);
"""


def keygen(kid, folder=None):
    """Makes a key pair; returns the folder that holds it and its key set as text."""
    folder = Path(folder or tempfile.mkdtemp(dir=KEYS.name))
    subprocess.run([MINT, "keygen", "--alg", "ES256", "--kid", kid, "--out", folder], check=True, capture_output=True)
    return folder, (folder / "jwks.json").read_text()


class Issuer:
    """A real signing key, and tokens made with it."""

    def __init__(self, kid="k1"):
        self.kid = kid
        self.folder, self.jwks = keygen(kid)

    def token(self, tenant, subject="alice", ttl=3600, options=(), **claims):
        """A signed token for one tenant; clearance `secret` unless the claims say otherwise."""
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "tenant": str(tenant), "clearance": "secret"} | claims
        made = subprocess.run(
            [MINT, "sign", "--key", self.folder / f"{self.kid}.pem", "--alg", "ES256", "--kid", self.kid,
             "--ttl", str(ttl), "--claims", json.dumps(claims), *options],
            check=True, capture_output=True, text=True)
        return made.stdout.strip()


class World:
    """A database with ward, an issuer it trusts, a role for the application, and protected tables."""

    def __init__(self, name, tables=TABLES + PROTECT, issuer=None, address=None):
        """`address` names another server than the one of the environment."""
        self.name = f"client_{name}"
        self.issuer = issuer or Issuer()
        self.address = address or {}
        with self.server() as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(self.name)))
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
            if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'").fetchone():
                server.execute("CREATE ROLE app LOGIN")
        with self.admin() as db:
            db.execute("CREATE EXTENSION ward")
            db.execute("SELECT ward.trust_issuer(%s, %s, %s)", (ISSUER, AUDIENCE, self.issuer.jwks))
            db.execute(tables)
            db.execute("GRANT ALL ON SCHEMA public TO app; GRANT ALL ON ALL TABLES IN SCHEMA public TO app")

    def server(self):
        return psycopg.connect(dbname="postgres", autocommit=True, **self.address)

    def admin(self, **options):
        """A superuser's connection, without a token."""
        return psycopg.connect(dbname=self.name, autocommit=True, **self.address, **options)

    def app(self, token=None, autocommit=True, **options):
        """The application's connection; with a token, that is its identity for the session."""
        db = psycopg.connect(dbname=self.name, user="app", autocommit=autocommit, **self.address, **options)
        if token:
            be(db, token)
            if not autocommit:
                db.commit()
        return db

    def token(self, tenant, **claims):
        return self.issuer.token(tenant, **claims)

    def drop(self):
        with self.server() as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(sql.Identifier(self.name)))


class WardTest(unittest.TestCase):
    """A test class with a world of its own in `cls.world`."""

    tables = TABLES + PROTECT

    @classmethod
    def setUpClass(cls):
        cls.world = World(cls.__name__.lower(), cls.tables)
        cls.addClassCleanup(cls.world.drop)

    @contextlib.contextmanager
    def refused(self, ward_code, sqlstate=None):
        """The block must raise an error whose DETAIL begins with this ward code."""
        with self.assertRaises(psycopg.Error) as caught:
            yield caught
        self.assertCode(caught.exception, ward_code, sqlstate)

    def assertCode(self, error, ward_code, sqlstate=None):
        diag = error.diag
        detail = diag.message_detail or (str(error) if diag.sqlstate is None else "")
        # libpq offers the fields of a refused connection only as text.
        found = ward_code in detail if diag.sqlstate is None else detail.startswith(ward_code + " ")
        self.assertTrue(found, f"expected {ward_code}, got {diag.sqlstate}: {error} / {detail}")
        if sqlstate and diag.sqlstate:
            self.assertEqual(diag.sqlstate, sqlstate)

    def sees_only(self, db, tenant, table="docs"):
        """The connection sees rows of this tenant, some, and no others."""
        self.assertEqual(tenants(db, table), {tenant})


def be(db, token, local=False):
    """Sets the identity with a bind parameter, as an application should."""
    db.execute("SELECT set_config('ward.token', %s, %s)", (token, local))


def tenants(db, table="docs"):
    """Which tenants' rows this connection sees."""
    return {row[0] for row in db.execute(sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table)))}


def one(db, query, *args, **kwargs):
    """The first column of the first row."""
    return db.execute(query, *args, **kwargs).fetchone()[0]
