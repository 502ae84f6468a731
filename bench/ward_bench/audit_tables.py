"""Tables, triggers and pgbench scripts of the benchmark `audit`. TPC-B's tables with 100 branches, so that 64 clients do not
wait for one another's rows more than for the audit."""

import json

BRANCHES, TELLERS, ACCOUNTS = 100, 1000, 100_000
NAMES = ("branches", "tellers", "accounts", "history")

TABLES = f"""
CREATE TABLE branches (id int PRIMARY KEY, tenant_id int NOT NULL DEFAULT 1, balance int NOT NULL DEFAULT 0, filler char(88)) WITH (fillfactor = 50);
CREATE TABLE tellers (LIKE branches INCLUDING ALL);
CREATE TABLE accounts (id int PRIMARY KEY, tenant_id int NOT NULL DEFAULT 1, balance int NOT NULL DEFAULT 0, filler char(84));
CREATE TABLE history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id int NOT NULL DEFAULT 1, teller int, branch int,
    account int, delta int, at timestamptz);
INSERT INTO branches (id) SELECT generate_series(1, {BRANCHES});
INSERT INTO tellers (id) SELECT generate_series(1, {TELLERS});
INSERT INTO accounts (id) SELECT generate_series(1, {ACCOUNTS});
CREATE TABLE hidden (id int);
GRANT SELECT, INSERT, UPDATE ON {', '.join(NAMES)} TO bench_app;
"""

PLAIN = tuple(
    f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; "
    f"CREATE POLICY tenant ON {name} USING (tenant_id = (SELECT current_setting('app.tenant')::int))"
    for name in NAMES)


def watch(function: str) -> tuple[str, ...]:
    return tuple(f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION {function}()" for name in NAMES)


TRIGGER = (
    """CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(),
           who text DEFAULT session_user, tenant text, relation text, operation text, old jsonb, new jsonb)""",
    """CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
       BEGIN
           INSERT INTO audit (tenant, relation, operation, old, new) VALUES (current_setting('app.tenant'), TG_TABLE_NAME, TG_OP,
               CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
           RETURN NULL;
       END $$""",
    *watch("record"),
)
# The lock is what makes a chain of it: without one, two writers hash the same predecessor and the chain forks.
CHAIN = (
    TRIGGER[0],
    "ALTER TABLE audit ADD hash bytea",
    """CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
       DECLARE
           before bytea;
           o jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
           n jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
           moment timestamptz := clock_timestamp();
       BEGIN
           PERFORM pg_advisory_xact_lock(4711);
           SELECT hash INTO before FROM audit ORDER BY id DESC LIMIT 1;
           INSERT INTO audit (at, tenant, relation, operation, old, new, hash) VALUES (moment, current_setting('app.tenant'), TG_TABLE_NAME,
               TG_OP, o, n, sha256(coalesce(before, '') || convert_to(concat(moment, session_user, TG_TABLE_NAME, TG_OP, o, n), 'UTF8')));
           RETURN NULL;
       END $$""",
    *watch("chain"),
)
# Its settings are the server's: scripts/bench.sh.
PGAUDIT = ("CREATE EXTENSION pgaudit",)


def ward(**options) -> tuple[str, ...]:
    """Statements that protect the tables, with these options of ward.protect. Braces are doubled for str.format."""
    text = json.dumps(options).replace("{", "{{").replace("}", "}}")
    return ("CREATE EXTENSION ward", "GRANT USAGE ON SCHEMA ward TO PUBLIC", "{trust}",
            *(f"SELECT ward.protect('{name}', label => NULL, options => '{text}')" for name in NAMES))


SCRIPTS = {
    "SELECT": f"""\\set account random(1, {ACCOUNTS})
SELECT balance FROM accounts WHERE id = :account;
""",
    "INSERT": f"""\\set account random(1, {ACCOUNTS})
INSERT INTO history (teller, branch, account, delta, at) VALUES (1, 1, :account, 1, CURRENT_TIMESTAMP);
""",
    "TPC-B": f"""\\set account random(1, {ACCOUNTS})
\\set branch random(1, {BRANCHES})
\\set teller random(1, {TELLERS})
\\set delta random(-5000, 5000)
BEGIN;
UPDATE accounts SET balance = balance + :delta WHERE id = :account;
SELECT balance FROM accounts WHERE id = :account;
UPDATE tellers SET balance = balance + :delta WHERE id = :teller;
UPDATE branches SET balance = balance + :delta WHERE id = :branch;
INSERT INTO history (teller, branch, account, delta, at) VALUES (:teller, :branch, :account, :delta, CURRENT_TIMESTAMP);
END;
""",
}
