"""Ordinary errors on unprotected tables carry the same fields of the protocol with and without ward (a second server).

Drivers and frameworks read them: the violated constraint, the position in the statement, the CONTEXT, a SQLSTATE of one's own.
"""

import psycopg
from harness import WardTest
from servers import Server

FIELDS = ["severity", "severity_nonlocalized", "sqlstate", "message_primary", "message_detail", "message_hint",
          "statement_position", "internal_position", "internal_query", "context", "schema_name", "table_name", "column_name",
          "datatype_name", "constraint_name", "source_file", "source_line", "source_function"]

ORDINARY = """
CREATE TABLE parents (id int PRIMARY KEY, name text UNIQUE NOT NULL, size int CHECK (size > 0), EXCLUDE (size WITH =));
CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents, at date,
    late int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
INSERT INTO parents VALUES (1, 'one', 1);
INSERT INTO children VALUES (1, 1);
CREATE DOMAIN small AS int CHECK (VALUE < 10) NOT NULL;
CREATE DOMAIN named AS text CONSTRAINT not_empty CHECK (VALUE <> '');
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE pieces (id int, part int) PARTITION BY LIST (part);
CREATE TABLE piece_1 PARTITION OF pieces FOR VALUES IN (1);
CREATE VIEW checked AS SELECT * FROM parents WHERE size < 100 WITH CHECK OPTION;
CREATE TABLE secured (id int);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY positive ON secured USING (id > 0);
CREATE FUNCTION raises() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custom %', 42 USING ERRCODE = 'P0042', DETAIL = 'the detail', HINT = 'the hint',
        SCHEMA = 's', TABLE = 't', COLUMN = 'c', DATATYPE = 'd', CONSTRAINT = 'n';
END $$;
CREATE FUNCTION divides(n int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1 / n; END$$;
CREATE FUNCTION nests() RETURNS int LANGUAGE plpgsql AS $$DECLARE x int; BEGIN SELECT divides(0) INTO x; RETURN x; END$$;
CREATE FUNCTION bad_query() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT nothing FROM parents); END$$;
CREATE FUNCTION in_sql(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 / n';
CREATE FUNCTION raises_early() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'while planning' USING ERRCODE = 'P0043', DETAIL = 'the detail', HINT = 'the hint', CONSTRAINT = 'n';
END $$;
CREATE FUNCTION rows_of(n int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT n';
CREATE FUNCTION records() RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT 1, 2';
CREATE FUNCTION rows_late() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT raises_early()';
CREATE FUNCTION watches() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no updates' USING ERRCODE = 'XX999'; END$$;
CREATE TRIGGER watch BEFORE UPDATE ON parents FOR EACH ROW EXECUTE FUNCTION watches();
"""

ERRORS = {
    "unique": "INSERT INTO parents VALUES (1, 'another')",
    "unique, other column": "INSERT INTO parents VALUES (2, 'one')",
    "foreign key, child": "INSERT INTO children VALUES (2, 99)",
    "foreign key, parent": "DELETE FROM parents",
    "foreign key, deferred": "INSERT INTO children (id, late) VALUES (3, 98)",
    "check": "INSERT INTO parents VALUES (3, 'three', 0)",
    "not null": "INSERT INTO parents VALUES (4)",
    "exclusion": "INSERT INTO parents VALUES (5, 'five', 1)",
    "no partition": "INSERT INTO pieces VALUES (1, 7)",
    "partition constraint": "INSERT INTO piece_1 VALUES (1, 7)",
    "check option": "INSERT INTO checked VALUES (6, 'six', 600)",
    "row security of core": "INSERT INTO secured VALUES (-1)",
    "domain": "SELECT 12::small",
    "domain, named constraint": "SELECT ''::named",
    "domain, null": "SELECT NULL::small",
    "enum": "SELECT 'angry'::mood",
    "cast": "SELECT id FROM parents WHERE name = 'x' OR 'abc'::int = 1",
    "cast at run time": "SELECT name::int FROM parents",
    "date": "INSERT INTO children VALUES (9, 1, '2026-02-30')",
    "division": "SELECT 1 / (size - 1) FROM parents",
    "overflow": "SELECT 2147483647 + id FROM parents",
    "syntax": "SELECT * FORM parents",
    "syntax at the end": "SELECT (1",
    "unknown column with hint": "SELECT nam FROM parents",
    "unknown table": "SELECT * FROM missing",
    "unknown function": "SELECT nothing_like_it(1)",
    "ambiguous": "SELECT id FROM parents, children",
    "grouping": "SELECT name, count(*) FROM parents",
    "permission": "SELECT * FROM pg_authid",
    "RAISE with every field": "SELECT raises()",
    "PL/pgSQL context": "SELECT divides(0)",
    "nested context": "SELECT nests()",
    "internal query and position": "SELECT bad_query()",
    "SQL function": "SELECT in_sql(0)",
    "while planning": "SELECT raises_early()",
    "while planning a condition": "SELECT * FROM parents WHERE id = raises_early()",
    "in the arguments of an SQL function": "SELECT * FROM rows_of(raises_early())",
    "division in the arguments of an SQL function": "SELECT * FROM rows_of(1 / 0)",
    "in the body of an SQL function": "SELECT * FROM rows_late()",
    "mismatch while expanding an SQL function": "SELECT * FROM records() AS r (a int, b point)",
    "trigger": "UPDATE parents SET name = 'changed'",
    "DO block": "DO $$BEGIN PERFORM 1 / 0; END$$",
    "prepared twice": "PREPARE x AS SELECT 1; PREPARE x AS SELECT 2",
    "aborted transaction": "BEGIN; SELECT 1 / 0; SELECT 1",
    "cardinality": "SELECT (SELECT id FROM generate_series(1, 2) id)",
    "COPY": "COPY parents FROM '/nonexistent'",
    "DDL": "CREATE TABLE parents (id int)",
    "ALTER TABLE, missing": "ALTER TABLE missing ADD COLUMN x int",
    "ALTER TABLE, not the owner": "ALTER TABLE parents ADD COLUMN x int",
    "ALTER TABLE, a catalog": "ALTER TABLE pg_class ADD COLUMN x int",
    "DROP TABLE, missing": "DROP TABLE missing",
    "DROP TABLE, not the owner": "DROP TABLE parents",
    "DROP TABLE, a view": "DROP TABLE checked",
    "DROP FUNCTION": "DROP FUNCTION nothing_like_it(int)",
    "DROP SCHEMA": "DROP SCHEMA missing",
    "DROP EXTENSION": "DROP EXTENSION missing",
    "RENAME": "ALTER TABLE missing RENAME TO other",
    "RENAME column": "ALTER TABLE parents RENAME nothing TO other",
    "TRUNCATE": "TRUNCATE missing",
    "TRUNCATE, not permitted": "TRUNCATE pg_class",
    "policy": "CREATE POLICY p ON missing USING (true)",
    "policy, not the owner": "CREATE POLICY p ON secured USING (true)",
    "policy, bad column": "ALTER POLICY positive ON secured USING (nothing > 0)",
    "trigger on nothing": "CREATE TRIGGER t BEFORE INSERT ON missing EXECUTE FUNCTION watches()",
    "rule": "CREATE RULE r AS ON INSERT TO missing DO NOTHING",
    "owner": "ALTER TABLE parents OWNER TO nobody_there",
    "index": "CREATE INDEX ON parents (nothing)",
    "index on nothing": "CREATE INDEX ON missing (id)",
    "view": "CREATE VIEW v AS SELECT nothing FROM parents",
    "table like": "CREATE TABLE t (LIKE missing)",
    "table that inherits": "CREATE TABLE t () INHERITS (missing)",
    "partition": "CREATE TABLE t PARTITION OF parents FOR VALUES IN (1)",
    "attach": "ALTER TABLE pieces ATTACH PARTITION missing FOR VALUES IN (2)",
    "table from a query": "CREATE TABLE t AS SELECT 1 / (size - 1) FROM parents",
    "materialised view": "REFRESH MATERIALIZED VIEW missing",
    "EXPLAIN": "EXPLAIN SELECT nothing FROM parents",
    "COPY of a query": "COPY (SELECT nothing FROM parents) TO STDOUT",
    "COPY, unknown column": "COPY parents (nothing) TO STDOUT",
    "COPY, missing": "COPY missing FROM STDIN",
    "cursor": "BEGIN; DECLARE c CURSOR FOR SELECT 1 / (size - 1) FROM parents; FETCH ALL FROM c",
    "unknown cursor": "FETCH 1 FROM nothing",
    "unknown prepared statement": "EXECUTE nothing",
    "SET ROLE": "SET ROLE nobody_there",
    "GRANT": "GRANT SELECT ON missing TO app",
    "COMMENT": "COMMENT ON TABLE missing IS 'x'",
    "LOCK": "LOCK TABLE missing",
    "CALL": "CALL nothing()",
    "extension": "CREATE EXTENSION nothing_like_it",
    "LOAD": "LOAD 'nothing_like_it'",
    "publication": "CREATE PUBLICATION p FOR TABLE missing",
    "statement in a transaction": "BEGIN; VACUUM parents",
    "setting": "SET work_mem = 'lots'",
    "cancel by timeout": "SET statement_timeout = 50; SELECT pg_sleep(5)",
    "permission, LOCK": "LOCK TABLE pg_authid",
}
# Statements that ward refuses to whoever has a token, before core finds its own fault with them.
GUARDED = {"SET ROLE", "LOAD"}
BOUND = {
    "cast of a parameter": ("SELECT $1::int", [b"abc"]),
    "division by a parameter": ("SELECT 1 / $1::int", [b"0"]),
    "unique by parameters": ("INSERT INTO parents VALUES ($1, $2)", [b"1", b"again"]),
    "too few parameters": ("SELECT $1::int, $2::int", [b"1"]),
    "syntax in Parse": ("SELECT $1 FORM x", [b"1"]),
}


def fields(result):
    return {name: getattr(psycopg.errors.Diagnostic(result), name) for name in FIELDS}


def collect(connect):
    """Every error's fields, each from a connection of its own."""
    found = {}
    for name, statement in ERRORS.items():
        with connect() as db:
            found[name] = fields(db.pgconn.exec_(statement.encode()))
    for name, (statement, values) in BOUND.items():
        with connect() as db:
            found[name] = fields(db.pgconn.exec_params(statement.encode(), values))
    return found


class Errors(WardTest):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plain = cls.enterClassContext(Server("plain", "shared_preload_libraries = ''"))
        with plain.connect() as db:
            db.execute("CREATE ROLE app LOGIN")
            db.execute(f"CREATE DATABASE {cls.world.name}")
        with plain.connect(cls.world.name) as db:
            db.execute(ORDINARY)
            db.execute("GRANT ALL ON SCHEMA public TO app; GRANT ALL ON ALL TABLES IN SCHEMA public TO app")
        cls.without = collect(lambda: plain.connect(cls.world.name, user="app"))
        with cls.world.admin() as db:
            db.execute(ORDINARY)
            db.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO app")

    def same(self, connect, except_for=frozenset()):
        with_ward = collect(connect)
        for name, fields_without in self.without.items():
            if name in except_for:
                self.assertNotEqual(with_ward[name], fields_without)
                continue
            with self.subTest(name):
                self.assertTrue(fields_without["sqlstate"], "it should be an error")
                self.assertEqual(with_ward[name], fields_without)

    def test_same_fields_with_ward(self):
        self.same(self.world.app)

    def test_same_fields_with_ward_and_a_token(self):
        token = self.world.token(1)
        self.same(lambda: self.world.app(token), GUARDED)

    def test_fields_are_compared_at_all(self):
        # The control: every field is filled by some error, and another error differs.
        for field in FIELDS:
            self.assertTrue(any(error[field] for error in self.without.values()), field)
        with self.world.app() as db:
            refused = fields(db.pgconn.exec_(b"SELECT * FROM docs"))
        self.assertNotEqual(refused, self.without["permission"])
