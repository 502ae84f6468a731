"""The denial matrix (test_audit_matrix): what is refused, and every way on which a refusal can slip away."""

from dataclasses import dataclass

import psycopg
from harness import PROTECT, TABLES
from psycopg import sql

# In every statement below, and in nothing else: values that must not reach the trail.
CANARY, NUMBER = "canary", 424242
# Messages name objects by name; large objects have only a number.
LARGE_OBJECT = 171717

OBJECTS = f"""
CREATE ROLE weak; CREATE ROLE closed_role;
GRANT USAGE, CREATE ON SCHEMA public TO weak;
GRANT SELECT, INSERT, UPDATE, DELETE ON docs, owned, people TO weak;

CREATE TABLE hidden (id int, body text);
CREATE TABLE partly (id int, body text);
GRANT SELECT (id) ON partly TO app, weak;
CREATE SCHEMA closed;
CREATE TABLE closed.closed_table (id int, body text);
GRANT SELECT ON closed.closed_table TO app, weak;
CREATE FUNCTION closed_function(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION closed_function(text) FROM PUBLIC;
CREATE SEQUENCE closed_sequence;
CREATE DOMAIN closed_type AS text;
REVOKE ALL ON TYPE closed_type FROM PUBLIC;
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER closed_server FOREIGN DATA WRAPPER dummy;
SELECT lo_from_bytea({LARGE_OBJECT}, 'large');
CREATE TABLE secured (id int PRIMARY KEY, body text);
INSERT INTO secured VALUES (1, 'one');
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON secured FOR SELECT USING (true);
CREATE POLICY positive ON secured FOR INSERT WITH CHECK (id > 0);
CREATE POLICY later ON secured FOR UPDATE USING (id > 100);
GRANT ALL ON secured TO app, weak;

-- Ways. `call` passes the state of a refusal on; `swallow` and the blocks of test_audit_matrix keep it to themselves.
CREATE FUNCTION call(statement text) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN EXECUTE statement; RETURN 1; END';
CREATE FUNCTION as_weak(statement text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE statement; RETURN 1; END';
ALTER FUNCTION as_weak OWNER TO weak;
CREATE FUNCTION swallow(statement text) RETURNS text LANGUAGE plpgsql AS
    'BEGIN EXECUTE statement; RETURN NULL; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END';
CREATE FUNCTION swallow_early(statement text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN EXECUTE statement; RETURN NULL; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END';
CREATE FUNCTION replace_error(statement text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN EXECUTE statement; RETURN NULL; EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'other' USING ERRCODE = 'P0042', DETAIL = SQLSTATE; END$$;
CREATE FUNCTION raise_again(statement text) RETURNS text LANGUAGE plpgsql AS
    'BEGIN EXECUTE statement; RETURN NULL; EXCEPTION WHEN OTHERS THEN RAISE; END';
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE NEW.statement; RETURN NEW; END';
CREATE PROCEDURE swallow_and_commit(statement text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN EXECUTE statement; EXCEPTION WHEN OTHERS THEN PERFORM set_config('cell.state', SQLSTATE, false); END;
    COMMIT;
END $$;
CREATE TABLE fires (statement text);
CREATE TRIGGER fire BEFORE INSERT ON fires FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE fires_late (statement text);
CREATE CONSTRAINT TRIGGER fire AFTER INSERT ON fires_late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fire();
GRANT INSERT ON fires, fires_late TO app;
"""
MATRIX_TABLES = TABLES + """
CREATE TABLE owned (id int PRIMARY KEY, tenant_id int, owner text, body text);
CREATE TABLE people (id int PRIMARY KEY, tenant_id int, ssn text);
INSERT INTO people SELECT n, n % 5 + 1, 'number ' || n FROM generate_series(1, 20) n;
""" + PROTECT + """
SELECT ward.protect('owned', label => NULL, owner => 'owner');
SELECT ward.protect('people', label => NULL);
SELECT ward.mask('people', 'ssn', 'null', 'secret', 'deny');
"""


@dataclass(frozen=True)
class Cause:
    """Something refused. `kind` is query, write or utility; `token` names one of the test's tokens."""

    name: str
    statement: str
    sqlstate: str = "42501"
    code: str | None = None
    kind: str = "query"
    token: str | None = "alice"
    without: tuple = ()  # ways that make no sense for it


# A view's columns, schemas and functions are looked up when it is made, or for whoever reads it: the reason of a `without`.
CAUSES = [
    Cause("table", f"SELECT id FROM hidden WHERE body = '{CANARY}'"),
    Cause("table, written", f"INSERT INTO hidden VALUES ({NUMBER}, '{CANARY}')", kind="write"),
    Cause("column", f"SELECT body FROM partly WHERE id <> {NUMBER}"),
    Cause("schema", f"SELECT id FROM closed.closed_table WHERE body = '{CANARY}'", without=("view",)),
    Cause("function", f"SELECT closed_function('{CANARY}')"),
    Cause("sequence", f"SELECT nextval('closed_sequence') <> {NUMBER}", without=("read only", "view", "parallel worker")),
    Cause("type", f"CREATE TABLE new (body closed_type DEFAULT '{CANARY}')", kind="utility"),
    Cause("foreign server", f"CREATE FOREIGN TABLE new (id int) SERVER closed_server OPTIONS (o '{CANARY}')", kind="utility"),
    Cause("large object", f"SELECT lo_get({LARGE_OBJECT})", token=None),
    Cause("large object, with a token", f"SELECT lo_get({LARGE_OBJECT})", code="WD032"),
    Cause("policy WITH CHECK", f"INSERT INTO secured VALUES (-{NUMBER}, '{CANARY}')", kind="write"),
    Cause("policy USING", f"INSERT INTO secured VALUES (1, '{CANARY}') ON CONFLICT (id) DO UPDATE SET body = '{CANARY}'", kind="write"),
    Cause("row of another tenant", f"INSERT INTO docs VALUES ({NUMBER}, 2, 'public', '{CANARY}')", code="WD014", kind="write"),
    Cause("row above the clearance", f"INSERT INTO docs VALUES ({NUMBER}, 1, 'secret', '{CANARY}')", code="WD030", kind="write"),
    Cause("row with a lower label", f"UPDATE docs SET label = 'public', body = '{CANARY}' WHERE id = 5", code="WD030", kind="write"),
    Cause("row of another owner", f"INSERT INTO owned VALUES ({NUMBER}, 1, 'bob', '{CANARY}')", code="WD021", kind="write"),
    Cause("role", f"SET ROLE closed_role /* {CANARY} */", kind="utility", token=None, without=("SECURITY DEFINER",)),
    Cause("role, with a token", f"SET ROLE closed_role /* {CANARY} */", code="WD032", kind="utility"),
    Cause("definition of a protected table", f"ALTER TABLE docs ALTER body SET DEFAULT '{CANARY}'", kind="utility"),
    Cause("no identity", f"SELECT id FROM docs WHERE body = '{CANARY}'", "28000", "WD000", token=None),
    Cause("expired token", f"SELECT id FROM docs WHERE body = '{CANARY}'", "28000", "WD008", token="expired"),
    Cause("bad signature", f"SELECT id FROM docs WHERE body = '{CANARY}'", "28000", "WD005", token="tampered"),
    Cause("other audience", f"SELECT id FROM docs WHERE body = '{CANARY}'", "28000", "WD007", token="other audience"),
    Cause("revoked token", f"SELECT id FROM docs WHERE body = '{CANARY}'", "28000", "WD012", token="revoked"),
    Cause("masked column", f"SELECT ssn FROM people WHERE id <> {NUMBER}", code="WD031"),
    Cause("library", f"LOAD 'pg_{CANARY}'", code="WD032", kind="utility"),
    Cause("plan", f"EXPLAIN SELECT id FROM docs WHERE body = '{CANARY}'", "0A000", "WD034", kind="utility"),
    Cause("program", f"COPY docs TO PROGRAM 'cat {CANARY}'", kind="utility"),
    Cause("other sessions", f"SELECT pid FROM pg_stat_activity WHERE query = '{CANARY}'", code="WD032", without=("view",)),
]


def expected(cause, way):
    """SQLSTATE and ward code of a cell. What a worker would look up in a protected table is refused as a whole."""
    if way == "parallel worker" and (cause.sqlstate == "28000" or cause.code == "WD031"):
        return "42501", "WD032"
    return cause.sqlstate, cause.code


def quote(cause):
    return sql.Literal(cause.statement).as_string()


def plain(db, cause):
    db.execute(cause.statement)


def prepared(db, cause):
    db.execute(cause.statement, (), prepare=True)


def block(db, cause):
    db.execute(f"DO $block$BEGIN BEGIN EXECUTE {quote(cause)}; EXCEPTION WHEN OTHERS THEN "
               "PERFORM set_config('cell.state', SQLSTATE, false); END; END$block$")
    return db.execute("SELECT current_setting('cell.state', true)").fetchone()[0]


def procedure(db, cause):
    db.execute(f"CALL swallow_and_commit({quote(cause)})")
    return db.execute("SELECT current_setting('cell.state', true)").fetchone()[0]


def swallowed(db, cause):
    return db.execute("SELECT swallow(%s)", (cause.statement,)).fetchone()[0]


def replaced(db, cause):
    try:
        db.execute("SELECT replace_error(%s)", (cause.statement,))
    except psycopg.Error as error:
        assert error.sqlstate == "P0042", error
        return error.diag.message_detail
    return None


def raised_again(db, cause):
    db.execute("SELECT raise_again(%s)", (cause.statement,))


def savepoint(db, cause):
    db.execute("BEGIN; SAVEPOINT s")
    try:
        db.execute(cause.statement)
    finally:
        db.execute("ROLLBACK TO s; COMMIT")


def rolled_back(db, cause):
    db.execute("BEGIN")
    try:
        db.execute(cause.statement)
    finally:
        db.execute("ROLLBACK")


def read_only(db, cause):
    db.execute("BEGIN READ ONLY")
    try:
        db.execute(cause.statement)
    finally:
        db.execute("ROLLBACK")


def cursor(db, cause):
    db.execute("BEGIN")
    try:
        db.execute(f"DECLARE c CURSOR FOR {cause.statement}")
        db.execute("FETCH c")
    finally:
        db.execute("ROLLBACK")


def copy(db, cause):
    with db.cursor().copy(f"COPY ({cause.statement}) TO STDOUT") as out:
        list(out)


def trigger(db, cause):
    db.execute("INSERT INTO fires VALUES (%s)", (cause.statement,))


def view(db, cause):
    db.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(f"view of {cause.name}")))


def definer(db, cause):
    db.execute("SELECT as_weak(%s)", (cause.statement,))


def worker(db, cause):
    try:
        db.execute(f"SELECT call({quote(cause)})")
    except psycopg.Error as error:
        assert "parallel worker" in error.diag.context, (error, error.diag.context)
        raise


def deferred(db, cause):
    db.execute("BEGIN")
    db.execute("INSERT INTO fires_late VALUES (%s)", (cause.statement,))
    db.execute("COMMIT")


def two_phase(db, cause):
    name = f"two-phase {cause.name}"
    db.execute("BEGIN; SAVEPOINT s")
    try:
        db.execute(cause.statement)
    finally:
        db.execute(f"ROLLBACK TO s; PREPARE TRANSACTION '{name}'")
        db.execute(f"COMMIT PREPARED '{name}'")


# Way → (function, kinds of statement it is for, options of the connection)
ALL = ("query", "write", "utility")
WAYS = {
    "top level, simple protocol": (plain, ALL, ""),
    "prepared": (prepared, ALL, ""),
    "swallowed in a block": (block, ALL, ""),
    "swallowed in a function": (swallowed, ALL, ""),
    "swallowed in a procedure that commits": (procedure, ALL, ""),
    "replaced by another error": (replaced, ALL, ""),
    "raised again by a handler": (raised_again, ALL, ""),
    "savepoint": (savepoint, ALL, ""),
    "rolled back": (rolled_back, ALL, ""),
    "read only": (read_only, ("query",), ""),
    "cursor": (cursor, ("query",), ""),
    "COPY": (copy, ("query",), ""),
    "trigger": (trigger, ALL, ""),
    "view": (view, ("query",), ""),
    "SECURITY DEFINER": (definer, ALL, ""),
    "parallel worker": (worker, ("query",), "-c {parallel}=on"),
    "deferred trigger": (deferred, ALL, ""),
    "two-phase commit": (two_phase, ALL, ""),
}


def cells():
    return [(cause, way) for cause in CAUSES for way, (_, kinds, _) in WAYS.items()
            if cause.kind in kinds and way not in cause.without]


def views(db):
    """A view over each query, for whoever reads it: with its owner's rights nothing would be refused."""
    for cause, way in cells():
        if way == "view":
            db.execute(sql.SQL("CREATE VIEW {0} WITH (security_invoker) AS {1}; GRANT SELECT ON {0} TO app")
                       .format(sql.Identifier(f"view of {cause.name}"), sql.SQL(cause.statement)))
