-- Attempts to write without being recorded, and to change what was recorded. Control arms: "open" has no triggers of the
-- audit, and "mine" is a table that anybody may change, with the same statements.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE ledger (id int PRIMARY KEY, tenant_id int, body text);
CREATE TABLE open (LIKE ledger INCLUDING ALL);
ALTER TABLE ledger OWNER TO app_owner;
GRANT ALL ON ledger, open TO app;
SELECT ward.protect('ledger', label => NULL, options => '{"audit_rows": true}'), ward.protect('open', label => NULL);
CREATE FUNCTION pg_temp.missed() RETURNS TABLE (relation text, rows bigint, events bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ward.audit_sync(), set_config('ward.token', '', false), set_config('ward.maintenance', 'check', false);
    RETURN QUERY SELECT what, (SELECT count(*) FROM ledger), (SELECT count(*) FROM ward.audit a WHERE a.kind = 'row' AND a.operation = 'insert' AND a.changed_relation = 'app.' || what)
        FROM (VALUES ('ledger')) v(what)
        UNION ALL SELECT 'open', (SELECT count(*) FROM open), (SELECT count(*) FROM ward.audit a WHERE a.kind = 'row' AND a.changed_relation = 'app.open');
    PERFORM set_config('ward.maintenance', '', false);
END $$;

-- 1 the owner, and the application's role
SET ROLE app_owner;
ALTER TABLE ledger DISABLE TRIGGER ward_audit_row;
ALTER TABLE ledger DISABLE TRIGGER ALL;
ALTER TABLE ledger ENABLE REPLICA TRIGGER ward_audit_row;
ALTER TRIGGER ward_audit_row ON ledger RENAME TO zzz;
DROP TRIGGER ward_audit_row ON ledger;
CREATE OR REPLACE FUNCTION ward_internal.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
RESET ROLE;

-- 2 as a replica, by COPY, in one statement with something else, below a view and a function
SET session_replication_role = replica;
SET ward.token = :'alice';
INSERT INTO ledger VALUES (1, 1, 'a');
RESET session_replication_role;
COPY ledger FROM stdin;
2	1	b
\.
WITH x AS (INSERT INTO ledger VALUES (3, 1, 'c') RETURNING id) SELECT * FROM x;
CREATE FUNCTION pg_temp.put() RETURNS void LANGUAGE sql AS $$ INSERT INTO ledger VALUES (4, 1, 'd') $$;
SELECT pg_temp.put();
MERGE INTO ledger l USING (VALUES (5)) v(id) ON l.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, 1, 'e');
INSERT INTO open VALUES (1, 1, 'a');
SELECT * FROM pg_temp.missed();

-- 3 an administrator switches the trigger off: on record, and nobody with a token writes
ALTER TABLE ledger DISABLE TRIGGER ward_audit_row;
SET ward.token = :'alice';
INSERT INTO ledger VALUES (6, 1, 'f');
COPY ledger FROM stdin;
6	1	f
\.
SELECT count(*) FROM ledger;
SET ward.token = '';
ALTER TABLE ledger ENABLE TRIGGER ward_audit_row;
SET ward.token = :'alice'; INSERT INTO ledger VALUES (6, 1, 'f'); SET ward.token = '';
DROP TRIGGER ward_audit_truncate ON ledger;
SELECT ward.protect('ledger', label => NULL, options => '{"audit_rows": true}');
SET ward.token = :'alice'; INSERT INTO ledger VALUES (6, 1, 'f'); SET ward.token = '';
SELECT * FROM pg_temp.missed();
SELECT statement, relations, query FROM ward.audit WHERE kind = 'definition' AND 'app.ledger' = ANY (relations) ORDER BY log, index;

-- 4 the registry's own events cannot be gone round
SET session_replication_role = replica;
INSERT INTO ward_internal.revocation VALUES ('token', 'quiet', 'no events?');
DELETE FROM ward_internal.revocation WHERE value = 'quiet';
RESET session_replication_role;
SELECT ward.audit_sync();
SELECT operation, key FROM ward.audit WHERE kind = 'policy' AND key ->> 'value' = 'quiet' ORDER BY index;
ALTER TABLE ward_internal.revocation DISABLE TRIGGER audit;
SELECT ward.audit_sync();
SELECT statement, relations, query FROM ward.audit WHERE kind = 'definition' AND 'ward_internal.revocation' = ANY (relations);
ALTER TABLE ward_internal.revocation ENABLE ALWAYS TRIGGER audit;
-- the key of masks is not in it
SET ward.maintenance = 'a test';
UPDATE ward_internal.mask_key SET secret = secret;
UPDATE ward_internal.mask_key SET secret = sha256('x');
RESET ward.maintenance;
SELECT ward.audit_sync();
SELECT operation, changed_columns, old, new FROM ward.audit WHERE kind = 'policy' AND changed_relation = 'ward_internal.mask_key' ORDER BY index;

-- nor is a private key that somebody stores by hand
INSERT INTO ward_internal.issuer (issuer, audience, jwks, claims, options)
    VALUES ('https://careless.test', 'x', '{"keys": [{"kty": "EC", "kid": "k", "x": "public", "d": "private"}]}', '{}', '{}');
DELETE FROM ward_internal.issuer WHERE issuer = 'https://careless.test';
SELECT ward.audit_sync();
SELECT operation, old -> 'jwks' AS old, new -> 'jwks' AS new FROM ward.audit WHERE kind = 'policy' AND key ->> 'issuer' = 'https://careless.test' ORDER BY index;

-- 5 what was recorded: a superuser, in maintenance and without, by every statement that changes something.
-- The control arm takes all of them.
CREATE TABLE mine (LIKE ward_internal.audit_cursor);
INSERT INTO mine VALUES (7, 7, 7, 7);
CREATE FUNCTION pg_temp.attack(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
BEGIN
    EXECUTE what;
    RAISE EXCEPTION 'done' USING ERRCODE = 'WOKEN';
EXCEPTION
    WHEN SQLSTATE 'WOKEN' THEN RETURN 'done';
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = PG_EXCEPTION_DETAIL;
        RETURN COALESCE(substring(state FROM '^WD\d+'), SQLERRM);
END $$;
CREATE TABLE attacks (number int GENERATED ALWAYS AS IDENTITY, what text);
INSERT INTO attacks (what) VALUES
    ('UPDATE %s SET log = 7'), ('DELETE FROM %s'), ('INSERT INTO %s VALUES (7, 7, 7, 7)'), ('TRUNCATE %s'),
    ('COPY %s FROM PROGRAM ''echo 7,7,7,7'' CSV'),
    ('MERGE INTO %s c USING (VALUES (1)) v(x) ON true WHEN MATCHED THEN DELETE'),
    ('WITH x AS (DELETE FROM %s RETURNING *) SELECT * FROM x'),
    ('ALTER TABLE %s DISABLE TRIGGER ALL'), ('ALTER TABLE %s ENABLE ROW LEVEL SECURITY'), ('ALTER TABLE %s ADD COLUMN x int'),
    ('ALTER TABLE %s RENAME TO y'), ('ALTER TABLE %s RENAME log TO y'), ('ALTER TABLE %s OWNER TO app'),
    ('ALTER TABLE %s SET SCHEMA app'), ('ALTER TABLE %s SET (fillfactor = 50)'), ('ALTER TABLE %s ALTER log SET DEFAULT 7'),
    ('ALTER TABLE %s REPLICA IDENTITY FULL'), ('ALTER TABLE %s ADD CHECK (log > 0)'),
    ('CREATE RULE r AS ON INSERT TO %s DO INSTEAD NOTHING'), ('CREATE POLICY p ON %s USING (false)'),
    ('CREATE TRIGGER t BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    ('SELECT * FROM %s FOR UPDATE'), ('DELETE FROM %s WHERE false'), ('COPY %s FROM ''/dev/null'''), ('DROP TABLE %s'),
    ('CREATE INDEX ON %s (log)'), ('CREATE TABLE heir () INHERITS (%s)');
SELECT what, pg_temp.attack(format(what, 'mine')) AS control, pg_temp.attack(format(what, 'ward_internal.audit_cursor')) AS audit FROM attacks ORDER BY number;
SET ward.maintenance = 'an attack';
SET session_replication_role = replica;
SELECT count(*) AS attacks, count(*) FILTER (WHERE pg_temp.attack(format(what, 'ward_internal.audit_cursor')) <> 'WD032') AS succeeded FROM attacks;
RESET session_replication_role;
-- partitions by themselves, the view, functions, and the way by the extension
SELECT regexp_replace(pg_temp.attack(format(what, part)), '\d{8}', '<day>') AS attack FROM pg_inherits, LATERAL (SELECT inhrelid::regclass::text AS part) p,
    (VALUES ('DELETE FROM %s'), ('UPDATE %s SET kind = ''read'''), ('TRUNCATE %s'), ('DROP TABLE %s'), ('ALTER TABLE ward_internal.audit_event DETACH PARTITION %s')) v(what)
    WHERE inhparent = 'ward_internal.audit_event'::regclass GROUP BY 1;
SELECT what, pg_temp.attack(what) FROM (VALUES
    ('CREATE OR REPLACE VIEW ward.audit AS SELECT 1'), ('ALTER VIEW ward.audit RENAME TO y'),
    ('CREATE OR REPLACE FUNCTION ward_internal.audit_keep() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END'''),
    ('ALTER FUNCTION ward_internal.audit_keep() RENAME TO y'), ('ALTER FUNCTION ward_internal.audit_row() OWNER TO app'),
    ('ALTER EXTENSION ward DROP TABLE ward_internal.audit_event'), ('ALTER EXTENSION ward DROP FUNCTION ward_internal.audit_keep()'),
    ('ALTER SCHEMA ward_internal RENAME TO y'), ('DROP SCHEMA ward CASCADE'),
    ('CREATE TABLE app.p PARTITION OF ward_internal.audit_event FOR VALUES FROM (''2001-01-01'') TO (''2001-01-02'')')) v(what);
RESET ward.maintenance;
-- upkeep is none of it
VACUUM FULL ward_internal.audit_cursor;
CLUSTER ward_internal.audit_rollback USING audit_rollback_pkey;
REINDEX TABLE ward_internal.audit_cursor;
-- each attempt is an event itself
SELECT ward.audit_sync();
SELECT count(*) >= 66 AS recorded FROM ward.audit WHERE kind = 'denial' AND code = 'WD032' AND message LIKE '%belongs to the audit%';
-- roles without rights read nothing
SET ROLE app;
SELECT count(*) FROM ward.audit;
SELECT count(*) FROM ward_internal.audit_event;
RESET ROLE;
-- nor does a superuser with a token
SET ward.token = :'alice';
SELECT count(*) FROM ward.audit;
SELECT count(*) FROM ward.audit_ocsf;
SELECT count(*) FROM ward_internal.audit_event;
SET ward.token = '';
DROP TABLE ledger, open, mine, attacks;
