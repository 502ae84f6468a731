"""Ordinary errors, each of a statement of its own: nobody was refused anything."""

import itertools

from test_errors import ERRORS, ORDINARY as ORDINARY_OBJECTS

TYPES = ("int", "bigint", "smallint", "numeric", "float8", "date", "time", "timestamp", "timestamptz", "interval", "uuid", "json",
         "jsonb", "inet", "cidr", "macaddr", "boolean", "bytea", "point", "box", "int4range", "bit(3)", "money", "oid", "regclass",
         "regtype", "tsquery", "pg_lsn")
VALUES = {"bytea": r"\x0g", "tsquery": "& |"}
FUNCTIONS = ("sqrt(-1)", "ln(0)", "power(0, -1)", "chr(-1)", "repeat('x', 2000000000)", "substring('x' FROM 1 FOR -1)",
             "to_date('x', 'YYYY')", "regexp_replace('x', '(', '')", "decode('x', 'nothing')", "convert('x', 'nothing', 'utf8')",
             "array_fill(1, ARRAY[-1, NULL])", "generate_series(1, 2, 0)", "json_object('{a}')", "jsonb_set('1', '{a}', '1')",
             "set_bit(''::bytea, 9, 1)", "make_date(2000, 13, 1)", "make_time(25, 0, 0)", "make_interval(secs => 'infinity')",
             "width_bucket(1, 2, 2, 3)", "to_timestamp('x', 'YYYY')", "setseed(3)", "format('%z')", "lpad('x', 2000000000)",
             "pg_typeof()", "current_setting('no.such')", "nextval('no_such')", "now('x')", "abs('a', 'b')", "5 % 0", "1 / 0",
             "1.0 / 0", "1e400::float8", "2147483647 + 1", "9223372036854775807 + 1", "ARRAY[1] || 'x'", "1 || 2",
             "(ARRAY[1, 2])['x']", "ROW(1, 2) = ROW(1)", "'2000-01-01'::date + 'x'::text", "CASE WHEN 1 THEN 2 END")
SYNTAX = ("SELEC 1", "SELECT FROM WHERE", "SELECT 1 1", "INSERT parents", "UPDATE SET", "DELETE parents", "CREATE TABLE", "CREATE VIEW v",
          "ALTER TABLE", "DROP", "GRANT", "REVOKE x", "COPY", "SET", "SHOW no_such_setting", "EXECUTE no_such", "FETCH no_such",
          "CLOSE no_such", "DEALLOCATE no_such", "RELEASE no_such", "ROLLBACK TO no_such", "LOCK no_such", "ANALYZE no_such",
          "SELECT 'open", "SELECT $$open", "SELECT (1", "SELECT * FROM (SELECT 1", "WITH x AS SELECT 1", "VALUES", "TABLE",
          "SELECT 1 GROUP BY nothing", "SELECT count(*) WHERE count(*) > 0 ORDER nothing", "SELECT max(max(1))")
NAMES = ("SELECT * FROM no_such_table", "SELECT no_such_column FROM parents", "SELECT parents.no_such FROM parents",
         "SELECT * FROM no_such_schema.t", "SELECT no_such_function(1)", "SELECT 1 OPERATOR(pg_catalog.@@@@) 2",
         "INSERT INTO no_such VALUES (1)", "INSERT INTO parents (no_such) VALUES (1)", "UPDATE parents SET no_such = 1",
         "DELETE FROM no_such", "DROP TABLE no_such", "DROP FUNCTION no_such()", "ALTER TABLE no_such ADD x int",
         "CREATE TABLE parents (id int)", "CREATE INDEX ON no_such (id)", "TRUNCATE no_such", "SELECT 1::no_such_type",
         "SELECT * FROM parents a JOIN parents b USING (no_such)", "SELECT id FROM parents, children", "SELECT * FROM parents, parents",
         "SELECT count(*) FROM docs WHERE no_such = 1", "SELECT body::int FROM docs", "INSERT INTO docs (id) VALUES ('x')",
         "INSERT INTO docs (id, label) SELECT id, 'public' FROM docs", "SELECT 1 / (id - id) FROM docs", "SELECT id FROM docs GROUP BY body")
RAISED = ("P0001", "P0002", "22012", "23514", "40001", "40P01", "53100", "XX000", "0A000", "42601", "99999")


# What test_errors holds besides: refusals, and what is no single statement or fails only at its end.
REFUSED = {"row security of core", "permission", "permission, LOCK", "TRUNCATE, not permitted", "SET ROLE", "LOAD", "COPY", "ALTER TABLE, a catalog", "publication",
           "foreign key, deferred"}


def raised(state):
    return f"DO $$BEGIN RAISE EXCEPTION 'permission denied, as it were' USING ERRCODE = '{state}'; END$$"


def ordinary():
    """More than 200 statements that fail, in schema `plain` of an application with a token."""
    casts = [f"SELECT CAST('{VALUES.get(name, 'no value')}' AS {name})" for name in TYPES]
    late = [f"SELECT CAST(body AS {name}) FROM docs WHERE id > {n}" for n, name in enumerate(TYPES[:12])]
    functions = [f"SELECT {call}" for call in FUNCTIONS]
    errors = [one for name, one in ERRORS.items() if name not in REFUSED and "not the owner" not in name and "; " not in one]
    return list(dict.fromkeys(itertools.chain(errors, casts, late, functions, SYNTAX, NAMES, map(raised, RAISED))))
