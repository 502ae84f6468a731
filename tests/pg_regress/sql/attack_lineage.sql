-- Attempts to store a derived row below its sources, or out of their tenant. "parts_open" is the
-- control arm: protected the same way, but not derived.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE papers (id int PRIMARY KEY, tenant_id int, label ward.label, folder int UNIQUE);
INSERT INTO papers VALUES (1, 1, 'public', 1), (2, 1, 'confidential{pii}', 2), (3, 2, 'public', 3), (4, 1, 'secret', 4);
CREATE TABLE parts (id int PRIMARY KEY, paper_id int, tenant_id int, label ward.label, body text);
CREATE TABLE parts_open (LIKE parts INCLUDING ALL);
CREATE TABLE spread (id int, paper_id int, tenant_id int, label ward.label, PRIMARY KEY (id, tenant_id)) PARTITION BY LIST (tenant_id);
CREATE TABLE spread_1 PARTITION OF spread FOR VALUES IN (1);
CREATE TABLE spread_2 (label ward.label, tenant_id int NOT NULL, paper_id int, id int NOT NULL);
ALTER TABLE spread ATTACH PARTITION spread_2 FOR VALUES IN (2);
CREATE TABLE base (id int PRIMARY KEY, paper_id int, tenant_id int, label ward.label);
CREATE TABLE heir (extra text) INHERITS (base);
RESET ROLE;
GRANT ALL ON papers, parts, parts_open, spread, spread_1, spread_2, base, heir TO app, app_bypass;
SELECT ward.protect('papers'), ward.protect('parts_open');
SELECT ward.derive(child, 'papers', '{paper_id}', '{id}') FROM unnest('{parts,spread,base}'::regclass[]) child;

-- anna, cleared for public, is who must not see a thing of paper 2.
CREATE FUNCTION pg_temp.low(what text) RETURNS TABLE (id int, label ward.label) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ward.token', '', false), set_config('ward.maintenance', 'check', false);
    RETURN QUERY EXECUTE format('SELECT p.id, p.label FROM %I p JOIN papers s ON s.id = p.paper_id WHERE NOT (p.label @> s.label) OR p.label IS NULL OR p.tenant_id IS DISTINCT FROM s.tenant_id ORDER BY 1', what);
    PERFORM set_config('ward.maintenance', '', false);
END $$;
SET ROLE app;
SET ward.token = :'alice';
-- control arm
INSERT INTO parts_open VALUES (1, 2, 1, 'public', 'from paper 2'), (2, 3, 1, 'public', 'of another tenant''s paper');
INSERT INTO parts VALUES (1, 2, 1, 'public'), (2, 2, 1, NULL), (3, 2, NULL, NULL), (5, 1, 1, 'public');
INSERT INTO parts (id, paper_id) SELECT 4, 2;
SELECT pg_temp.try('INSERT INTO parts VALUES (9, 3, 1, ''public'')') AS others, pg_temp.try('INSERT INTO parts VALUES (9, 99, 1, ''public'')') AS nobodys, pg_temp.try('INSERT INTO parts VALUES (9, 4, 1, ''public'')') AS above,
    pg_temp.try('INSERT INTO parts VALUES (9, 1, 2, ''public'')') AS lies;
-- the key moves to a lower source, to none, to another tenant's
UPDATE parts SET paper_id = 1 WHERE id = 1 RETURNING label;
SELECT pg_temp.try('UPDATE parts SET paper_id = NULL WHERE id = 2'), pg_temp.try('UPDATE parts SET paper_id = 3 WHERE id = 2'), pg_temp.try('UPDATE parts SET label = ''public'' WHERE id = 2');
UPDATE parts SET label = NULL, tenant_id = NULL WHERE id = 2 RETURNING tenant_id, label;
UPDATE parts SET (paper_id, label) = (1, DEFAULT) WHERE id = 3 RETURNING label;
COPY parts (id, paper_id, label) FROM STDIN;
10	2	public
11	2	\N
\.
INSERT INTO parts VALUES (5, 2, 1, 'public') ON CONFLICT (id) DO UPDATE SET paper_id = excluded.paper_id, label = excluded.label RETURNING label;
INSERT INTO parts VALUES (5, 2, 1, 'public') ON CONFLICT (id) DO NOTHING;
MERGE INTO parts p USING (VALUES (12), (4)) v(id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET paper_id = 2, label = 'confidential{pii}' WHEN NOT MATCHED THEN INSERT VALUES (v.id, 2, 1, 'public');
PREPARE p AS INSERT INTO parts VALUES ($1, $2, 1, 'public') RETURNING label;
EXECUTE p(13, 1);
EXECUTE p(14, 2);
-- raised and used in one statement, and in one transaction; rolled back in between
SELECT pg_temp.try('WITH up AS (UPDATE papers SET label = ''confidential'' WHERE id = 1 RETURNING id) INSERT INTO parts SELECT 20, 1, 1, ''public''');
SELECT pg_temp.try('WITH new AS (INSERT INTO parts VALUES (21, 1, 1, ''public'')) UPDATE papers SET label = ''confidential'' WHERE id = 1');
BEGIN;
INSERT INTO parts VALUES (22, 1, 1, 'public') RETURNING label;
SAVEPOINT s;
UPDATE papers SET label = 'confidential{pii}' WHERE id = 1;
INSERT INTO parts VALUES (23, 1, 1, 'public') RETURNING label;
ROLLBACK TO s;
INSERT INTO parts VALUES (24, 1, 1, 'public') RETURNING label;
COMMIT;
DO $$
BEGIN
    UPDATE papers SET label = 'confidential{pii}' WHERE id = 1;
    BEGIN
        UPDATE papers SET folder = 1 / (id - 1) WHERE id = 1;
    EXCEPTION WHEN division_by_zero THEN
        INSERT INTO parts VALUES (25, 1, 1, 'public');
    END;
END $$;
-- partitions and children by their own names
INSERT INTO spread_1 VALUES (1, 2, 1, 'public') RETURNING label;
INSERT INTO spread (id, paper_id) VALUES (2, 2) RETURNING label;
UPDATE spread_1 SET label = NULL WHERE id = 1 RETURNING label;
SELECT pg_temp.try('INSERT INTO spread_2 VALUES (''public'', 2, 2, 3)');
INSERT INTO heir VALUES (1, 2, 1, 'public', 'x') RETURNING label;
INSERT INTO base VALUES (2, 2, 1, 'public') RETURNING label;
UPDATE heir SET paper_id = 2, label = NULL RETURNING label;
-- taking the triggers away
SELECT pg_temp.try('ALTER TABLE parts DISABLE TRIGGER ALL'), pg_temp.try('DROP TRIGGER "~ward_derive" ON parts'), pg_temp.try('SET session_replication_role = replica'), pg_temp.try('TRUNCATE papers'),
    pg_temp.try('CREATE TRIGGER "~~later" BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'), pg_temp.try('SELECT ward_internal.derive_row()');
RESET ward.token;
RESET ROLE;
SELECT * FROM pg_temp.low('parts') UNION ALL SELECT * FROM pg_temp.low('spread') UNION ALL SELECT * FROM pg_temp.low('base');
SELECT * FROM pg_temp.low('parts_open') AS control;
-- A role that bypasses row security, the owner, and a superuser with a token are bound alike.
SET ROLE app_bypass;
SET ward.token = :'alice';
INSERT INTO parts VALUES (30, 2, 1, 'public') RETURNING label;
SELECT pg_temp.try('INSERT INTO parts VALUES (9, 3, 1, ''public'')');
RESET ward.token;
RESET ROLE;
SET ward.token = :'alice';
SET session_replication_role = replica;
INSERT INTO parts VALUES (31, 2, 1, 'public') RETURNING label;
UPDATE papers SET label = 'confidential{pii}' WHERE id = 1;
RESET session_replication_role;
RESET ward.token;
SELECT * FROM pg_temp.low('parts');
-- Without the trigger, nothing is written: not enabled, not always, not the last, gone; on a partition alone.
ALTER TABLE parts DISABLE TRIGGER "~ward_derive";
SET ward.token = :'alice';
SELECT pg_temp.try('INSERT INTO parts VALUES (40, 2, 1, ''public'')'), pg_temp.try('SELECT FROM parts');
RESET ward.token;
ALTER TABLE parts ENABLE TRIGGER "~ward_derive";
SET ward.token = :'alice';
SELECT pg_temp.try('INSERT INTO parts VALUES (40, 2, 1, ''public'')');
RESET ward.token;
ALTER TABLE parts ENABLE ALWAYS TRIGGER "~ward_derive";
CREATE FUNCTION app.lower() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.label := 'public'; RETURN NEW; END $$;
CREATE TRIGGER "~~later" BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION app.lower();
SET ward.token = :'alice';
SELECT pg_temp.try('INSERT INTO parts VALUES (40, 2, 1, ''public'')');
RESET ward.token;
ALTER TRIGGER "~~later" ON parts RENAME TO "before";
SET ward.token = :'alice';
INSERT INTO parts VALUES (40, 2, 1, 'confidential{pii}') RETURNING label;
RESET ward.token;
ALTER TABLE spread_1 DISABLE TRIGGER "~ward_derive";
SET ward.token = :'alice';
SELECT pg_temp.try('INSERT INTO spread (id, paper_id, label) VALUES (41, 2, ''public'')'), pg_temp.try('INSERT INTO spread_1 VALUES (41, 2, 1, ''public'')');
RESET ward.token;
ALTER TABLE spread_1 ENABLE ALWAYS TRIGGER "~ward_derive";
ALTER TABLE papers DISABLE TRIGGER ward_source_update;
SET ward.token = :'alice';
SELECT pg_temp.try('UPDATE papers SET label = ''confidential{pii}'' WHERE id = 1');
RESET ward.token;
SELECT ward.derive('parts', 'papers', '{paper_id}', '{id}');
SET ward.token = :'alice';
SELECT pg_temp.try('UPDATE papers SET label = ''confidential{pii}'' WHERE id = 1');
-- A cascade runs the table's triggers with the rights of its owner and the rows of the session.
RESET ward.token;
CREATE TABLE seen (who text, n bigint);
GRANT ALL ON seen TO app_owner;
CREATE FUNCTION app.spy() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE found bigint; BEGIN SELECT count(*) INTO found FROM papers; INSERT INTO seen VALUES (current_user, found); RETURN NULL; END $$;
CREATE TRIGGER spy AFTER UPDATE ON parts FOR EACH STATEMENT EXECUTE FUNCTION app.spy();
SET ROLE app;
SET ward.token = :'alice';
SELECT count(*) FROM papers;
UPDATE papers SET label = 'confidential{pii}' WHERE id = 2 AND label <> 'public';
INSERT INTO papers VALUES (7, 1, 'public', 7);
INSERT INTO parts VALUES (70, 7, 1, 'public');
UPDATE papers SET label = 'internal' WHERE id = 7;
RESET ward.token;
RESET ROLE;
SELECT * FROM seen;
SELECT * FROM pg_temp.low('parts');
-- A source that loses its label or tenant hides what was made from it, and what that carried is not forgotten.
SET ward.maintenance = 'x';
DROP TRIGGER before ON parts;
INSERT INTO papers VALUES (8, 1, 'public', 8), (9, 1, 'public', 9), (10, 1, 'public', 10);
INSERT INTO parts VALUES (80, 8, 1, 'secret'), (90, 9, 1, 'public'), (100, 10, 1, 'restricted');
SELECT ward.quarantine('parts', '{"id": 100}', 'bad');
UPDATE papers SET label = NULL WHERE id IN (8, 10);
UPDATE papers SET tenant_id = NULL WHERE id = 9;
SELECT id, tenant_id, label FROM parts WHERE id >= 80 ORDER BY id;
UPDATE papers SET label = 'public', tenant_id = 1 WHERE id IN (8, 9, 10);
SELECT id, tenant_id, label FROM parts WHERE id >= 80 ORDER BY id;
SELECT ward.release('parts', '{"id": 80}', 'looked at');
SELECT id, tenant_id, label FROM parts WHERE id = 80;
TABLE seen;
-- New and former partitions.
CREATE TABLE spread_3 PARTITION OF spread FOR VALUES IN (3);
ALTER TABLE spread DETACH PARTITION spread_1;
CREATE TABLE heir2 () INHERITS (base);
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgrelid IN ('spread_3'::regclass, 'spread_1'::regclass, 'heir2'::regclass) AND NOT tgisinternal ORDER BY 1, 2;
SELECT child, parent FROM ward.derivations ORDER BY 1;
INSERT INTO spread_1 VALUES (60, 2, 1, 'public') RETURNING label;
RESET ward.maintenance;
-- What ward computes with its own rights calls nobody's code: keys are of core's types, and rows are written with the
-- rights of their table's owner.
SET ROLE app_owner;
CREATE TYPE app.kind AS ENUM ('a', 'b');
CREATE DOMAIN app.key AS int CHECK (VALUE > 0);
CREATE TABLE sums (k app.kind PRIMARY KEY, tenant_id int, label ward.label);
CREATE TABLE keyed (k app.key PRIMARY KEY, tenant_id int, label ward.label);
CREATE FUNCTION app.spied(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_user = 'postgres' THEN RAISE WARNING 'runs as %', current_user; END IF; RETURN true; END $$;
CREATE TABLE spied (id int, tenant_id int, label ward.label, body text CHECK (app.spied(body)));
CREATE INDEX ON spied (app.spied(body));
INSERT INTO spied VALUES (1, 1, NULL, 'x');
RESET ROLE;
SELECT ward.protect('sums'), ward.protect('keyed');
SELECT pg_temp.try('SELECT ward.derive(''sums'', ''papers'')'), pg_temp.try('SELECT ward.derive(''parts'', ''keyed'')'), pg_temp.try('SELECT ward.quarantine(''keyed'', ''{"k": 1}'', ''x'')');
SELECT ward.protect('spied', options => '{"label_existing": "internal"}');
-- control arm: the same written by a superuser
SET ward.maintenance = 'control';
UPDATE spied SET label = 'secret';
RESET ward.maintenance;
-- nor what planning alone would run
SET ROLE app_owner;
CREATE FUNCTION app.planned(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_user = 'postgres' THEN RAISE WARNING 'planned as %', current_user; END IF; RETURN i; END $$;
CREATE TABLE by_index (LIKE papers INCLUDING ALL);
CREATE TABLE by_predicate (LIKE papers INCLUDING ALL);
CREATE TABLE by_statistics (LIKE papers INCLUDING ALL);
CREATE TABLE by_check (LIKE papers INCLUDING ALL, CHECK (app.planned(2) = 2));
CREATE INDEX ON by_index ((app.planned(1) + id));
CREATE INDEX ON by_predicate (tenant_id) WHERE app.planned(3) = 3;
CREATE STATISTICS app.by_statistics ON (app.planned(4) + id), tenant_id FROM by_statistics;
RESET ROLE;
-- control arm: a superuser's own query plans as the superuser
SELECT count(*) FROM by_index WHERE id = 1;
SELECT ward.protect(t) FROM unnest('{by_index,by_predicate,by_statistics,by_check}'::regclass[]) t;
SELECT t, pg_temp.try(format('SELECT ward.derive(%L, ''papers'', ''{folder}'', ''{id}'')', t)) AS derived, pg_temp.try(format('SELECT ward.derive(''parts'', %L, ''{paper_id}'', ''{id}'')', t)) AS source,
    pg_temp.try(format('SELECT ward.quarantine(%L, ''{"id": 1}'', ''x'')', t)) AS hidden FROM unnest('{by_index,by_predicate,by_statistics,by_check}'::text[]) t;
ALTER FUNCTION app.planned OWNER TO postgres;
SELECT pg_temp.try('SELECT ward.derive(''by_index'', ''papers'', ''{folder}'', ''{id}'')');
DROP TABLE by_index, by_predicate, by_statistics, by_check;
DROP FUNCTION app.planned;
-- nor are protected relations open to the constraints of a table that an administrator's call writes
SET ROLE app_owner;
CREATE FUNCTION app.open_to(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'maintenance is %', coalesce(nullif(current_setting('ward.maintenance', true), ''), 'off'); RETURN true; END $$;
CREATE TABLE checked (id int PRIMARY KEY, tenant_id int, label ward.label, body text CHECK (app.open_to(body)));
INSERT INTO checked VALUES (1, 1, NULL, 'x');
RESET ROLE;
ALTER FUNCTION app.open_to OWNER TO postgres;
SELECT ward.protect('checked', options => '{"label_existing": "internal"}');
SELECT ward.quarantine('checked', '{"id": 1}', 'x'), ward.release('checked', '{"id": 1}', 'x'), ward.declassify('checked', '{"id": 1}', 'public', 'x');
DROP TABLE checked;
DROP FUNCTION app.open_to;
-- nor names that the session puts before core's: temporary relations, functions and operators of its own
CREATE TABLE answers (id int PRIMARY KEY, tenant_id int, label ward.label);
GRANT ALL ON answers TO app;
SELECT ward.protect('answers'), ward.derive('answers', 'papers');
SET ROLE app;
CREATE FUNCTION pg_temp.evil(what text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'app' OR what OPERATOR(pg_catalog.=) 'control' THEN RAISE WARNING '% runs as %', what, current_user; END IF; RETURN true; END $$;
CREATE TEMP VIEW pg_index AS SELECT * FROM pg_catalog.pg_index WHERE pg_temp.evil('pg_index');
CREATE TEMP VIEW pg_class AS SELECT * FROM pg_catalog.pg_class WHERE pg_temp.evil('pg_class');
CREATE FUNCTION app.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'x' WHERE pg_temp.evil('unnest') $$;
CREATE FUNCTION app.to_regclass(text) RETURNS regclass LANGUAGE sql AS $$ SELECT 'papers'::regclass WHERE pg_temp.evil('to_regclass') $$;
CREATE DOMAIN app.text AS pg_catalog.text CHECK (pg_temp.evil('text'));
CREATE FUNCTION app.equal(int, int) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_temp.evil('=') $$;
CREATE OPERATOR app.= (LEFTARG = int, RIGHTARG = int, FUNCTION = app.equal);
CREATE FUNCTION app.same(jsonb, jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_temp.evil('jsonb = jsonb') $$;
CREATE OPERATOR app.= (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = app.same);
CREATE FUNCTION app.same(oid, oid) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_temp.evil('oid = oid') $$;
CREATE OPERATOR app.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = app.same);
CREATE FUNCTION app.same(pg_catalog.text, pg_catalog.text) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_temp.evil('text = text') $$;
CREATE OPERATOR app.= (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = app.same);
CREATE FUNCTION app.at(jsonb, pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql AS $$ SELECT '1' WHERE pg_temp.evil('->>') $$;
CREATE OPERATOR app.->> (LEFTARG = jsonb, RIGHTARG = pg_catalog.text, FUNCTION = app.at);
SET search_path = pg_temp, app, pg_catalog, public, ward;
SET ward.token = :'alice';
-- control arm
SELECT count(*) > 0 AS found FROM pg_index WHERE pg_temp.evil('control') AND indexrelid OPERATOR(pg_catalog.=) 'papers_pkey'::regclass;
INSERT INTO answers VALUES (1, 1, 'public');
SELECT ward.record_lineage('answers', '{"id": 1}', '[{"relation": "papers", "key": {"id": 2}}]');
SELECT depth, relation, key FROM ward.lineage('papers', '{"id": 2}') WHERE relation OPERATOR(pg_catalog.=) 'answers'::regclass;
SELECT ward.filter_citations('[{"relation": "papers", "key": {"id": 2}}, {"relation": "papers", "key": {"id": 4}}, {"relation": "a b; x", "key": {"id": 4}}, {"relation": "\"papers", "key": {"id": 4}}]');
UPDATE answers SET id = 2;
UPDATE papers SET label = 'confidential{pii}' WHERE id OPERATOR(pg_catalog.=) 1;
SELECT ward.record_lineage('answers', '{"id": 2}', '[]');
DELETE FROM answers;
CREATE TABLE app.copied AS SELECT * FROM papers WHERE id OPERATOR(pg_catalog.<) 3;
CREATE TEMP TABLE copied AS SELECT * FROM papers WHERE id OPERATOR(pg_catalog.<) 3;
INSERT INTO papers VALUES (91, 1, 'public', 91);
INSERT INTO parts VALUES (91, 91, 1, 'public');
DELETE FROM papers WHERE id OPERATOR(pg_catalog.=) 91;
RESET ward.token;
RESET ROLE;
RESET search_path;
DROP TABLE pg_temp.copied, app.copied;
DROP VIEW pg_temp.pg_index, pg_temp.pg_class;
DROP OPERATOR app.->> (jsonb, pg_catalog.text);
DROP OPERATOR app.= (int, int);
DROP OPERATOR app.= (jsonb, jsonb);
DROP OPERATOR app.= (oid, oid);
DROP OPERATOR app.= (pg_catalog.text, pg_catalog.text);
DROP DOMAIN app.text;
DROP FUNCTION app.unnest(text[]), app.to_regclass(text), app.at, app.equal, app.same(jsonb, jsonb), app.same(oid, oid), app.same(text, text), pg_temp.evil;
DROP TABLE answers;
DROP TABLE sums, keyed, spied;
DROP FUNCTION app.spied;
DROP TYPE app.kind, app.key;
DROP TABLE seen, parts, parts_open, spread, spread_1, base, papers CASCADE;
DROP FUNCTION app.lower, app.spy;
