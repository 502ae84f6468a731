-- ward.protect and ward.unprotect: what they refuse, what they leave behind.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE things (id int PRIMARY KEY, tenant_id int, label ward.label, owner text, acl text[], amount numeric, tags text, parts int[]);
INSERT INTO things SELECT n, n % 3 + 1, CASE WHEN n % 2 = 0 THEN 'public'::ward.label END FROM generate_series(1, 12) n;
CREATE VIEW things_view AS SELECT * FROM things;
CREATE MATERIALIZED VIEW things_stored AS SELECT * FROM things;
CREATE SEQUENCE things_seq;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE loose (id int, tenant_id text COLLATE any_case);
CREATE TABLE parent (id int, tenant_id int, label ward.label) PARTITION BY LIST (tenant_id);
CREATE TABLE child PARTITION OF parent FOR VALUES IN (1);
CREATE DOMAIN tenant_number AS int;
CREATE TABLE domained (tenant_id tenant_number);
GRANT ALL ON ALL TABLES IN SCHEMA app TO app;
RESET ROLE;
\set try 'SELECT pg_temp.try'
-- what cannot be protected, or not like that
SELECT call, pg_temp.try('SELECT ward.protect(' || call || ')') FROM unnest(ARRAY[
    $$'pg_class'$$,
    $$'pg_authid', label => NULL$$,
    $$'information_schema.sql_features'$$,
    $$'ward_internal.protection'$$,
    $$'things_view'$$,
    $$'things_stored'$$,
    $$'things_seq'$$,
    $$'things_pkey'$$,
    $$NULL$$,
    $$'nothing'$$,
    $$'things', tenant => NULL, label => NULL$$,
    $$'things', tenant => 'none'$$,
    $$'things', label => 'none'$$,
    $$'things', owner => 'none'$$,
    $$'things', tenant => 'ctid'$$,
    $$'things', tenant => 'amount'$$,
    $$'things', tenant => 'acl'$$,
    $$'things', label => 'owner'$$,
    $$'things', owner => 'parts'$$,
    $$'things', acl => 'owner'$$,
    $$'things', acl => 'label'$$,
    $$'loose', label => NULL$$,
    $$'domained', label => NULL$$,
    $$'child'$$,
    $$'things', options => '[]'$$,
    $$'things', options => '{"nonsense": 1}'$$,
    $$'things', options => '{"add_columns": "yes"}'$$,
    $$'things', options => '{"default_label": "top secret"}'$$,
    $$'things', options => '{"label_existing": 7}'$$,
    $$'things', options => '{"shared_tenant": "x"}'$$,
    $$'things', options => '{"tenant_type": "int; DROP TABLE things"}'$$
]) call;
SELECT pg_temp.try($$SELECT ward.unprotect('things', 'because')$$);
SELECT pg_temp.try($$SELECT ward.unprotect('docs', ' ')$$);
SELECT pg_temp.try($$SELECT ward.unprotect(NULL, 'because')$$);
SELECT count(*) FROM ward.protections WHERE relation::text LIKE 'things%';
-- who may not
SET ROLE app;
SELECT pg_temp.try($$SELECT ward.protect('things')$$);
SELECT pg_temp.try($$SELECT ward.unprotect('docs', 'because')$$);
RESET ROLE;
SET ROLE app_owner;
SELECT pg_temp.try($$SELECT ward.protect('things')$$);
RESET ROLE;
SET ward.token = :'alice';
SELECT pg_temp.try($$SELECT ward.protect('things')$$);
SELECT pg_temp.try($$SELECT ward.unprotect('docs', 'because')$$);
SELECT pg_temp.try($$SELECT ward.revoke('subject', 'bob', 'spite')$$);
SELECT pg_temp.try($$SELECT ward.distrust_issuer('https://idp.test')$$);
SET ward.token = '';

-- existing rows without a label are invisible until they are labelled
SELECT ward.protect('things');
SET ROLE app; SET ward.token = :'alice'; SELECT string_agg(id::text, ',' ORDER BY id) FROM things; SET ward.token = ''; RESET ROLE;
SELECT ward.protect('things', options => '{"label_existing": "public", "default_label": "confidential", "shared_tenant": 3}');
SET ROLE app; SET ward.token = :'alice';
SELECT string_agg(id::text, ',' ORDER BY id) FROM things;
INSERT INTO things (id) VALUES (100) RETURNING tenant_id, label;
-- the default label is above anna's clearance, and she must name one
SET ward.token = :'anna';
SELECT pg_temp.try('INSERT INTO things (id) VALUES (101)');
SELECT pg_temp.try('INSERT INTO things (id, label) VALUES (101, ''public'')');
SET ward.token = ''; RESET ROLE;
SELECT relation, tenant, label, owner, acl, options FROM ward.protections WHERE relation = 'things'::regclass;
-- the table's own policies stay in force beside ward's
SELECT ward.protect('things', label => NULL);
CREATE POLICY small ON app.things USING (id <= 6);
SET ROLE app; SET ward.token = :'alice'; SELECT string_agg(id::text, ',' ORDER BY id) FROM things; SET ward.token = ''; RESET ROLE;
DROP POLICY small ON app.things;
CREATE POLICY odd ON app.things AS RESTRICTIVE USING (id % 2 = 1);
SET ROLE app; SET ward.token = :'alice'; SELECT string_agg(id::text, ',' ORDER BY id) FROM things; SET ward.token = ''; RESET ROLE;
DROP POLICY odd ON app.things;
CREATE POLICY mine ON app.things USING (tenant_id = ward.tenant()::int AND ward.clearance() @> 'public');
SET ROLE app; SET ward.token = :'alice'; SELECT string_agg(id::text, ',' ORDER BY id) FROM things; SET ward.token = ''; RESET ROLE;
DROP POLICY mine ON app.things;
-- names follow
ALTER TABLE app.things RENAME TO renamed;
ALTER TABLE app.renamed RENAME COLUMN tenant_id TO organisation;
SELECT relation, tenant FROM ward.protections WHERE relation = 'renamed'::regclass;
SET ROLE app; SET ward.token = :'alice';
SELECT string_agg(id::text, ',' ORDER BY id) FROM renamed;
INSERT INTO renamed (id) VALUES (102) RETURNING organisation;
SET ward.token = ''; SELECT count(*) FROM renamed; RESET ROLE;
-- unprotect restores what was there before
SELECT ward.unprotect('renamed', 'test');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'renamed';
SELECT count(*) FROM pg_policy WHERE polrelid = 'renamed'::regclass;
SET ROLE app; SELECT count(*) FROM renamed; RESET ROLE;
ALTER TABLE app.renamed ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.renamed USING (organisation = 1);
SELECT ward.protect('renamed', tenant => 'organisation');
SELECT ward.unprotect('renamed', 'test');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'renamed';
SELECT polname FROM pg_policy WHERE polrelid = 'renamed'::regclass;
-- a dropped table is forgotten
SELECT ward.protect('renamed', tenant => 'organisation');
DROP TABLE app.renamed CASCADE;
SELECT count(*) FROM ward_internal.protection WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = relation);
-- parents and children
SELECT ward.protect('parent');
SELECT pg_temp.try($$SELECT ward.unprotect('child', 'because')$$);
SELECT pg_temp.try($$SELECT ward.protect('child')$$);
SELECT ward.unprotect('parent', 'test');
SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname IN ('parent', 'child') ORDER BY 1;
-- columns are added on request; a large table is not rewritten
SET ROLE app_owner;
CREATE TABLE large AS SELECT n AS id, md5(n::text) AS body FROM generate_series(1, 100000) n;
GRANT ALL ON large TO app;
RESET ROLE;
SELECT pg_relation_filenode('large') AS before \gset
SELECT ward.protect('large', options => '{"add_columns": true, "tenant_type": "bigint"}');
SELECT pg_relation_filenode('large') = :before AS kept;
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'large'::regclass AND attnum > 0 ORDER BY attnum;
SET ROLE app; SET ward.token = :'alice';
SELECT count(*) FROM large;
INSERT INTO large (id) VALUES (0) RETURNING tenant_id, label;
SET ward.token = ''; RESET ROLE;
DROP TABLE large, loose, parent, domained;
DROP SEQUENCE app.things_seq;
DROP DOMAIN app.tenant_number;
DROP COLLATION app.any_case;
