-- Changed rows, changes of the policy, definitions and rights in the audit. "plain" is the control arm: protected the same
-- way, but without the option audit_rows.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.seen(wanted text) RETURNS TABLE (statement text, relation text, key text, columns text, old text, new text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ward.audit_sync();
    RETURN QUERY SELECT a.statement, a.changed_relation, a.key::text, a.changed_columns::text,
            regexp_replace(a.old::text, '"hmac": "[0-9a-f]{64}"', '"hmac": …', 'g'), regexp_replace(a.new::text, '"hmac": "[0-9a-f]{64}"', '"hmac": …', 'g')
        FROM ward.audit a WHERE a.kind = wanted AND a.database = current_database() AND a.index > currval('pg_temp.mark') ORDER BY a.log, a.index;
    PERFORM pg_temp.begin_here();
END $$;
CREATE SEQUENCE pg_temp.mark;
CREATE FUNCTION pg_temp.begin_here() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ward.audit_sync();
    PERFORM setval('pg_temp.mark', max(index)) FROM ward.audit;
END $$;
CREATE TABLE people (id int PRIMARY KEY, tenant_id int, label ward.label, name text, ssn text, size numeric, ratio float8, born date, more jsonb, embedding vector(3));
CREATE TABLE plain (LIKE people);
GRANT ALL ON people, plain TO app;
SELECT ward.protect('people', options => '{"audit_rows": "yes"}');
SELECT pg_temp.begin_here();
SELECT ward.protect('people', options => '{"audit_rows": true}'), ward.protect('plain');
SELECT ward.mask(relation, 'ssn', 'constant("hidden")', 'confidential{pii}') FROM unnest('{people,plain}'::regclass[]) relation;
-- the policy's own events: what was defined, without who and when
SELECT statement, relation, key, new::jsonb - 'changed_at' - 'changed_by' AS new FROM pg_temp.seen('policy');

-- the same work over both; values are printed alike whatever the session prefers
SET ward.token = :'alice';
SET datestyle = 'german'; SET extra_float_digits = -10;
INSERT INTO people VALUES (1, 1, 'internal', 'Ann', '123-45-6789', 12345678901234567890.5, 0.123456789012345, '2000-02-01', '{"a": 1}', '[1,2,3]');
UPDATE people SET name = 'Anna', ssn = '000' WHERE id = 1;
UPDATE people SET id = 2, name = repeat('x', 2000), ratio = 'NaN' WHERE id = 1;
UPDATE people SET name = name WHERE id = 2;
DELETE FROM people WHERE id = 2;
COPY people (id, tenant_id, label, name) FROM stdin;
3	1	internal	copied
\.
INSERT INTO plain VALUES (1, 1, 'internal', 'Ann');
UPDATE plain SET name = 'Anna';
RESET datestyle; RESET extra_float_digits;
SET ward.token = '';
SELECT * FROM pg_temp.seen('row');

-- rolled back, and what is left of it
BEGIN;
SET LOCAL ward.token = :'alice';
INSERT INTO people (id, name) VALUES (4, 'kept');
SAVEPOINT a;
INSERT INTO people (id, name) VALUES (5, 'gone');
ROLLBACK TO a;
COMMIT;
SELECT ward.audit_sync();
SELECT key, rolled_back FROM ward.audit WHERE kind = 'row' AND index > currval('pg_temp.mark') ORDER BY index;
SELECT pg_temp.begin_here();

-- maintenance, TRUNCATE, and relations of which nothing is a key
SET ward.maintenance = 'a test';
UPDATE people SET name = 'by hand' WHERE id = 3;
TRUNCATE people;
CREATE TABLE keyless (tenant_id int, body text);
SELECT ward.protect('keyless', label => NULL, options => '{"audit_rows": true}');
INSERT INTO keyless VALUES (1, 'a');
CREATE UNIQUE INDEX keyless_body ON keyless (body);
ALTER TABLE keyless ALTER body SET NOT NULL;
ALTER TABLE keyless REPLICA IDENTITY USING INDEX keyless_body;
UPDATE keyless SET body = 'b';
SELECT ward.mask('keyless', 'body', 'constant("hidden")');
DELETE FROM keyless;
RESET ward.maintenance;
SELECT statement, relation, regexp_replace(key, '"hmac": "[0-9a-f]{64}"', '"hmac": …', 'g') AS key, columns, old, new FROM pg_temp.seen('row');

-- partitions and children, old and new, and those that leave
CREATE TABLE parted (id int, tenant_id int, PRIMARY KEY (id, tenant_id)) PARTITION BY LIST (tenant_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE base (id int PRIMARY KEY, tenant_id int);
CREATE TABLE heir () INHERITS (base);
SELECT ward.protect(relation, label => NULL, options => '{"audit_rows": true}') FROM unnest('{parted,base}'::regclass[]) relation;
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
CREATE TABLE parted_3 (LIKE parted);
ALTER TABLE parted ATTACH PARTITION parted_3 FOR VALUES IN (3);
CREATE TABLE late () INHERITS (base);
SELECT pg_temp.begin_here();
SET ward.maintenance = 'a test';
INSERT INTO parted SELECT n, n FROM generate_series(1, 3) n;
UPDATE parted SET tenant_id = 2 WHERE id = 1;
INSERT INTO heir VALUES (1, 1);
INSERT INTO late VALUES (2, 1);
DELETE FROM base;
TRUNCATE parted;
ALTER TABLE parted DETACH PARTITION parted_3;
INSERT INTO parted_3 VALUES (3, 3);
RESET ward.maintenance;
SELECT statement, relation, key FROM pg_temp.seen('row');
-- the option ends, and so do the events
SELECT ward.protect('base', label => NULL);
SELECT ward.unprotect('parted', 'a test');
SET ward.maintenance = 'a test';
INSERT INTO base VALUES (9, 1);
INSERT INTO parted VALUES (9, 1);
RESET ward.maintenance;
SELECT statement, relation, key FROM pg_temp.seen('row');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'ward_audit%' AND tgrelid = ANY ('{base,heir,late,parted,parted_1,parted_2}'::regclass[]);

-- definitions, rights and settings: "free" is not protected
CREATE TABLE free (id int);
CREATE ROLE audit_role;
SELECT pg_temp.begin_here();
ALTER TABLE people ADD COLUMN extra int;
ALTER TABLE free ADD COLUMN extra int;
CREATE INDEX ON people (extra);
DROP INDEX people_extra_idx;
DO $$ BEGIN EXECUTE 'ALTER TABLE people ALTER COLUMN extra SET DEFAULT 7'; END $$;
GRANT SELECT ON people TO audit_role;
ALTER ROLE audit_role PASSWORD 'not in the log' BYPASSRLS;
ALTER ROLE audit_role PASSWORD $x$not in the log$x$;
ALTER DEFAULT PRIVILEGES FOR ROLE audit_role GRANT SELECT ON TABLES TO app;
DROP OWNED BY audit_role;
SET ward.allow_explain = on;
RESET ward.allow_explain;
SELECT set_config('ward.allow_explain', 'on', false);
DO $$ BEGIN PERFORM set_config('session_replication_role', 'replica', true); PERFORM set_config('session_replication_role', 'local', true); END $$;
SELECT set_config('ward.allow_explain', 'off', false), set_config('application_name', 'another', false);
SET ward.track_watermark = on;
RESET ward.track_watermark;
ALTER SYSTEM SET ward.audit_backlog_limit = '2GB';
ALTER SYSTEM RESET ward.audit_backlog_limit;
DROP TABLE plain;
SET ward.maintenance = 'a test';
SET allow_system_table_mods = on;
UPDATE pg_class SET reltuples = reltuples WHERE oid = 'free'::regclass;
RESET ward.maintenance;
SELECT ward.audit_sync();
SELECT kind, statement, relations, query, detail FROM ward.audit
    WHERE kind IN ('definition', 'privilege') AND index > currval('pg_temp.mark') ORDER BY log, index;

-- the version of the policy grows with each change, and only then
SELECT pg_temp.begin_here();
SELECT ward.revoke('token', 'one', 'a test');
SELECT ward.revoke('token', 'two', 'a test');
SET ward.token = :'alice'; SELECT count(*) FROM docs WHERE id = 0; SET ward.token = '';
SELECT ward.audit_sync();
SELECT kind, policy_version - first_value(policy_version) OVER (ORDER BY index) AS version FROM ward.audit
    WHERE kind IN ('policy', 'read') AND index > currval('pg_temp.mark') ORDER BY index;
DELETE FROM ward_internal.revocation;
DROP TABLE people, keyless, parted, parted_3, base, heir, late, free;
DROP ROLE audit_role;
