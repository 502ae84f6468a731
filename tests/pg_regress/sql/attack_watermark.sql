-- Two steps: read what is restricted, then write what was read where less is needed to see it. Between
-- the two stands a program, which no rewriting follows.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
CREATE TABLE source (id int PRIMARY KEY, tenant_id int, label ward.label, body text);
INSERT INTO source VALUES (1, 1, 'public', 'opening hours'), (2, 1, 'internal', 'canteen'), (3, 1, 'confidential{pii}', 'address');
CREATE TABLE answer (id serial PRIMARY KEY, tenant_id int, label ward.label, body text, note text DEFAULT 'none');
CREATE TABLE ordinary (LIKE answer INCLUDING ALL);
CREATE TABLE answer_meta (id serial PRIMARY KEY, body text, meta jsonb);
CREATE TABLE stash (body text);
GRANT ALL ON source, answer, ordinary, answer_meta, stash, answer_meta TO app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO app;
RESET ROLE;
SELECT ward.protect('source');
SELECT ward.protect('ordinary', options => '{"default_label": "public"}');
-- the option
SELECT pg_temp.try($$SELECT ward.protect('answer', options => '{"label_default": "clearance"}')$$);
SELECT pg_temp.try($$SELECT ward.protect('answer', options => '{"label_default": true}')$$);
SELECT pg_temp.try($$SELECT ward.protect('answer', label => NULL, options => '{"label_default": "watermark"}')$$);
SELECT ward.protect('answer', options => '{"label_default": "watermark", "default_label": "public"}');
SELECT ward.protect('answer_meta', tenant => 'meta->t', label => 'meta->l', options => '{"label_default": "watermark", "default_label": "public"}');
SELECT relation, options FROM ward.protections WHERE relation IN ('answer'::regclass, 'answer_meta'::regclass) ORDER BY 1;
-- works with no setting: the tables need it
SHOW ward.track_watermark;

SET ROLE app;
SET ward.token = :'alice';
SELECT body AS secret FROM source WHERE id = 3 \gset
-- control arm: an ordinary table keeps what the program says
BEGIN;
SELECT body AS secret FROM source WHERE id = 3 \gset
INSERT INTO ordinary (label, body) VALUES ('public', :'secret') RETURNING label, body;
ROLLBACK;
-- the same against a table that takes the watermark: by every form of writing
BEGIN;
INSERT INTO answer (id, body) VALUES (-1, 'before') RETURNING label;
SELECT body AS secret FROM source WHERE id = 3 \gset
INSERT INTO answer (id, label, body) VALUES (-2, 'public', :'secret') RETURNING label, body;
INSERT INTO answer (id, body) VALUES (-3, :'secret'), (-4, 'x') RETURNING label, body;
INSERT INTO answer (id, label, body) SELECT -5, 'public', :'secret' RETURNING label;
UPDATE answer SET body = :'secret' WHERE id = -1 RETURNING label, body;
SELECT pg_temp.try($$UPDATE answer SET body = 'x', label = 'internal' WHERE id = -1$$);
INSERT INTO answer (id, body) VALUES (-1, :'secret') ON CONFLICT (id) DO UPDATE SET body = excluded.body RETURNING label;
MERGE INTO answer a USING (VALUES (-6), (-1)) v (id) ON a.id = v.id WHEN MATCHED THEN UPDATE SET body = 'm' WHEN NOT MATCHED THEN INSERT (id, label, body) VALUES (v.id, 'public', 'm');
WITH w AS (INSERT INTO answer (id, label, body) VALUES (-7, 'public', :'secret') RETURNING label) SELECT * FROM w;
COPY answer (id, label, body) FROM STDIN;
-8	public	address
\.
INSERT INTO answer_meta (body, meta) VALUES (:'secret', '{"l": "public"}'), (:'secret', NULL) RETURNING meta;
UPDATE answer_meta SET body = 'x', meta = '{}' RETURNING meta;
SELECT DISTINCT label FROM answer;
COMMIT;
-- rows written before carry what was seen when they change
BEGIN;
INSERT INTO answer (id, body) VALUES (-20, 'low') RETURNING label;
INSERT INTO answer_meta (id, body) VALUES (-20, 'low') RETURNING meta;
COMMIT;
BEGIN;
SELECT id FROM source WHERE id = 2;
UPDATE answer SET note = 'only the note' WHERE id = -20 RETURNING label;
UPDATE answer_meta SET body = 'only the body' WHERE id = -20 RETURNING meta;
INSERT INTO answer (id) VALUES (-20) ON CONFLICT (id) DO UPDATE SET note = 'again' RETURNING label;
COMMIT;

-- above the clearance of the one who writes
BEGIN;
SET LOCAL ward.token = :'alice';
SELECT id FROM source WHERE id = 3;
SET LOCAL ward.token = :'anna';
SELECT pg_temp.try($$INSERT INTO answer (body) VALUES ('x')$$);
SELECT pg_temp.try($$INSERT INTO answer_meta (body) VALUES ('x')$$);
ROLLBACK;

-- a function that reads, in the statement that writes: before and after the label in the row
CREATE FUNCTION app.ask() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT body FROM source WHERE id = 3); END$$;
SELECT pg_temp.try($$INSERT INTO answer (body) VALUES (app.ask())$$);
SELECT pg_temp.try($$INSERT INTO answer (label, body) VALUES ('confidential{pii}', app.ask())$$);
SELECT pg_temp.try($$INSERT INTO ordinary (label, body) VALUES ('public', app.ask())$$) AS control;
BEGIN; SELECT app.ask() AS secret \gset
INSERT INTO answer (body) VALUES (:'secret') RETURNING label;
ROLLBACK;

-- each line: how the row is got hold of, and the label of what is written then
CREATE FUNCTION app.two_steps(read text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    secret text;
    written ward.label;
BEGIN
    BEGIN
        EXECUTE read INTO secret;
    EXCEPTION WHEN division_by_zero OR invalid_text_representation OR raise_exception THEN
        secret := SQLERRM;
    END;
    INSERT INTO answer (body) VALUES (secret) RETURNING label INTO written;
    RETURN written;
END $$;
CREATE FUNCTION app.keep(what text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('my.secret', what, false); RETURN false; END$$;
CREATE FUNCTION app.keep_immutable(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$BEGIN PERFORM set_config('my.secret', what, false); RETURN false; END$$;
CREATE FUNCTION app.fail(what text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'it is %', what; END$$;
CREATE FUNCTION app.joins(a text, b text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('my.secret', b, false); RETURN b; END$$;
CREATE AGGREGATE app.gather(text) (SFUNC = app.joins, STYPE = text);
CREATE OPERATOR app.=== (LEFTARG = text, RIGHTARG = text, PROCEDURE = app.joins);
CREATE DOMAIN app.keeping AS text CHECK (app.keep(VALUE) IS NOT NULL);
SELECT app.two_steps('SELECT 1') AS nothing;
SELECT app.two_steps('SELECT body FROM source WHERE id = 1') AS public;
SELECT app.two_steps('SELECT body FROM source WHERE id = 3') AS plain;
SELECT app.two_steps('SELECT string_agg(body, '''') FROM source') AS aggregate;
SELECT app.two_steps('SELECT body || '''' FROM (SELECT body, row_number() OVER () n FROM source) s WHERE n = 3') AS window;
SELECT app.two_steps('SELECT DISTINCT body FROM source WHERE id = 3') AS "distinct";
SELECT app.two_steps('SELECT body FROM source WHERE id = 3 UNION SELECT ''x'' LIMIT 1') AS union;
SELECT app.two_steps('(SELECT body FROM source WHERE id = 3) INTERSECT ALL (SELECT body FROM source)') AS "intersect";
SELECT app.two_steps('SELECT (SELECT body FROM source WHERE id = 3)') AS sublink;
SELECT app.two_steps('SELECT (SELECT (SELECT (SELECT body FROM source WHERE id = 3)))') AS deep;
SELECT app.two_steps('SELECT s::text FROM source s WHERE id = 3') AS whole_row;
SELECT app.two_steps('SELECT row_to_json(s)::text FROM (SELECT * FROM source WHERE id = 3) s') AS whole_sub_select;
SELECT app.two_steps('WITH w AS (SELECT * FROM source) SELECT w::text FROM w WHERE id = 3') AS whole_with;
SELECT app.two_steps('WITH RECURSIVE w AS (SELECT id, body FROM source WHERE id = 3 UNION SELECT 9, body FROM w) SELECT body FROM w WHERE id = 9') AS recursive;
SELECT app.two_steps('SELECT x FROM source s, LATERAL (SELECT s.body AS x OFFSET 0) l WHERE s.id = 3') AS lateral;
SELECT app.two_steps('SELECT x FROM source s, LATERAL upper(s.body) x WHERE s.id = 3') AS function_in_from;
SELECT app.two_steps('SELECT v.b FROM source s, LATERAL (VALUES (s.body)) v (b) WHERE s.id = 3') AS values;
SELECT app.two_steps('UPDATE source SET body = body WHERE id = 3 RETURNING body') AS returning;
SELECT app.two_steps('SELECT query_to_xml(''SELECT body FROM source WHERE id = 3'', true, true, '''')::text') AS query_to_xml;
SELECT app.two_steps('SELECT ts_stat::text FROM ts_stat(''SELECT to_tsvector(body) FROM app.source'') LIMIT 1') AS ts_stat;
SELECT app.two_steps('WITH w AS (DELETE FROM source WHERE id = 3 RETURNING body) SELECT body FROM w') AS with_returning;
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'test data';
INSERT INTO source VALUES (3, 1, 'confidential{pii}', 'address') ON CONFLICT DO NOTHING;
RESET ward.maintenance;
SET ROLE app;
SET ward.token = :'alice';
-- the query returns nothing, but a function keeps what it is shown
SELECT app.two_steps('SELECT body FROM source WHERE app.keep(body)') AS in_where, current_setting('my.secret') <> '' AS control;
SELECT app.two_steps('SELECT body FROM source WHERE app.keep_immutable(body)') AS immutable;
SELECT app.two_steps('SELECT 1 FROM source ORDER BY app.keep_immutable(body), id LIMIT 1') AS in_order_by;
SELECT app.two_steps('SELECT 1 FROM source WHERE set_config(''my.secret'', body, false) IS NULL') AS set_config;
SELECT app.two_steps('SELECT 1 FROM source GROUP BY id HAVING set_config(''my.secret'', min(body), false) IS NULL') AS in_having;
SELECT app.two_steps('SELECT 1 FROM source s JOIN generate_series(1, 2) g ON set_config(''my.secret'', s.body, false) = g::text') AS in_join;
SELECT app.two_steps('SELECT 1 WHERE EXISTS (SELECT FROM source WHERE set_config(''my.secret'', body, false) IS NULL)') AS in_exists;
SELECT app.two_steps('SELECT 1 FROM (SELECT set_config(''my.secret'', body, false) FROM source ORDER BY id LIMIT 1) s') AS with_limit;
SELECT app.two_steps('SELECT 1 FROM source HAVING app.gather(body) IS NULL') AS aggregate;
SELECT app.two_steps('SELECT 1 FROM source WHERE body OPERATOR(app.===) body IS NULL') AS operator;
SELECT app.two_steps('SELECT 1 FROM source WHERE body::app.keeping IS NULL') AS domain;
SELECT app.two_steps('UPDATE source SET body = body WHERE app.keep(body) RETURNING 1') AS update_;
SELECT app.two_steps('DELETE FROM source WHERE app.keep(body) RETURNING 1') AS delete_;
SELECT app.two_steps('INSERT INTO source (id, label, body) SELECT 9, ''public'', ''x'' FROM source WHERE app.keep(body) RETURNING 1') AS insert_select;
SELECT app.two_steps('INSERT INTO source AS s (id, label, body) VALUES (3, ''confidential{pii}'', ''x'') ON CONFLICT (id) DO UPDATE SET body = s.body WHERE app.keep(s.body) RETURNING 1') AS on_conflict;
DO $$DECLARE marked ward.label; BEGIN
    MERGE INTO source s USING (VALUES (3)) v (id) ON s.id = v.id WHEN MATCHED AND app.keep(s.body) THEN DELETE;
    RAISE NOTICE 'merge %', ward.watermark();
END$$;
DO $$BEGIN UPDATE source SET body = body WHERE app.keep(body); RAISE NOTICE 'without RETURNING %', ward.watermark(); END$$;
DO $$BEGIN PERFORM 1 FROM source WHERE app.keep_immutable(body) AND id = 1; RAISE NOTICE 'only what the function was shown: %', ward.watermark(); END$$;
-- the row comes out in an error
SELECT app.two_steps('SELECT 1 FROM source WHERE body::int = 1') AS cast_, app.two_steps('SELECT 1') AS stays_in_the_transaction;
SELECT app.two_steps('SELECT 1 FROM source WHERE id = 3 AND body::int = 1 LIMIT 1') AS cast_of_one;
SELECT app.two_steps('SELECT 1 FROM source WHERE app.fail(body)') AS raised;
SELECT app.two_steps('SELECT (1 / (id - id))::text FROM source') AS division;
-- an error of something else is nothing that was seen
SELECT app.two_steps('SELECT ''x''::int') AS elsewhere;
-- savepoints lower nothing; nor does a plan that was made before
BEGIN;
SAVEPOINT a;
SELECT body AS secret FROM source WHERE id = 3 \gset
ROLLBACK TO a;
INSERT INTO answer (body) VALUES (:'secret') RETURNING label;
ROLLBACK;
PREPARE low(text) AS INSERT INTO answer (label, body) VALUES ('public', $1) RETURNING label;
EXECUTE low('nothing');
BEGIN;
SELECT body AS secret FROM source WHERE id = 3 \gset
EXECUTE low(:'secret');
ROLLBACK;
-- no setting of the session turns it off
SET ward.track_watermark = off;
BEGIN;
SELECT body AS secret FROM source WHERE id = 3 \gset
INSERT INTO answer (label, body) VALUES ('public', :'secret') RETURNING label;
ROLLBACK;
RESET ward.track_watermark;
-- nor does it run where its notes would be lost: in a worker
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT app.two_steps('SELECT body FROM source WHERE id = 3') AS forced;
SELECT app.two_steps('SELECT max(body) FROM source WHERE id = 3') AS forced_aggregate;
SELECT app.two_steps('SELECT body FROM source WHERE id = 3 UNION SELECT ''x'' ORDER BY 1 LIMIT 1') AS forced_union;
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
-- the functions behind it cannot be called by themselves, and would only raise the mark
SELECT pg_temp.try($$SELECT ward_internal.note('public')$$);
-- a generated column would not follow a label that is raised by the way
SET ward.token = '';
RESET ROLE;
ALTER TABLE answer ADD COLUMN copy ward.label GENERATED ALWAYS AS (label) STORED;
SET ROLE app;
SET ward.token = :'alice';
SELECT pg_temp.try($$UPDATE answer SET note = 'x' WHERE id = -1$$);
SELECT pg_temp.try($$UPDATE answer SET note = 'x', label = label WHERE id = -1$$);
SET ward.token = '';
RESET ROLE;
ALTER TABLE answer DROP COLUMN copy;
SET ROLE app;
SET ward.token = :'alice';
-- triggers of the attacker's own view are shown its rows
CREATE VIEW app.shown AS SELECT * FROM source;
CREATE FUNCTION app.shown_to() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO answer (body) VALUES (OLD.body); RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END$$;
CREATE TRIGGER shown INSTEAD OF UPDATE OR DELETE ON app.shown FOR EACH ROW EXECUTE FUNCTION app.shown_to();
BEGIN;
DELETE FROM shown WHERE id = 3;
SELECT watermark();
SELECT DISTINCT label FROM answer WHERE body IN (SELECT body FROM source WHERE id = 3);
ROLLBACK;
BEGIN;
UPDATE shown SET body = 'x' WHERE id = 3;
SELECT watermark();
ROLLBACK;
DROP VIEW app.shown;
DROP FUNCTION app.shown_to;
-- a type of the attacker's own, made by functions of core's
CREATE FUNCTION app.kept(what text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('my.secret', what, false); RETURN true; END$$;
CREATE DOMAIN app.kept_text AS text CHECK (app.kept(VALUE));
CREATE TYPE app.kept_row AS (b app.kept_text);
CREATE FUNCTION app.mark_after(statement text) RETURNS ward.label LANGUAGE plpgsql AS $$
DECLARE mark ward.label;
BEGIN
    EXECUTE statement;
    mark := ward.watermark();
    RAISE EXCEPTION USING errcode = 'P0042', message = mark::text;
EXCEPTION WHEN SQLSTATE 'P0042' THEN RETURN sqlerrm::ward.label;
END$$;
SELECT app.mark_after('SELECT 1') AS control;
SELECT app.mark_after(s) FROM unnest(ARRAY[
    $$SELECT 1 FROM source WHERE id = 3 AND ('{' || body || '}')::app.kept_text[] IS NULL$$,
    $$SELECT 1 FROM source WHERE id = 3 AND ('(' || body || ')')::app.kept_row IS NULL$$,
    $$SELECT 1 FROM source WHERE id = 3 AND json_populate_record(NULL::app.kept_row, json_build_object('b', body)) IS NULL$$,
    $$SELECT 1 FROM source s, json_to_record(json_build_object('b', s.body)) AS x (b app.kept_text) WHERE s.id = 3 AND x.b IS NULL$$,
    $$SELECT 1 FROM source s, xmltable('/r' PASSING xmlelement(name r, s.body) COLUMNS b app.kept_text PATH '.') x WHERE s.id = 3 AND x.b IS NULL$$,
    $$SELECT 1 FROM source WHERE id = 3 AND domain_in(textout(body::text), 'app.kept_text'::regtype::oid, -1) IS NULL$$,
    $$SELECT 1 FROM source WHERE id = 3 AND array_in(textout('{' || body || '}'), 'app.kept_text'::regtype::oid, -1) IS NULL$$,
    $$SELECT 1 FROM source WHERE id = 3 AND record_in(textout('(' || body || ')'), 'app.kept_row'::regtype::oid, -1) IS NULL$$]) s;
DROP FUNCTION app.mark_after;
DROP TYPE app.kept_row;
DROP DOMAIN app.kept_text;
DROP FUNCTION app.kept;
-- triggers that lower the label again
SET ward.token = '';
RESET ROLE;
CREATE FUNCTION app.lower_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.label := 'public'; RETURN NEW; END$$;
CREATE TRIGGER lower_it BEFORE INSERT OR UPDATE ON answer FOR EACH ROW EXECUTE FUNCTION app.lower_it();
SET ROLE app;
SET ward.token = :'alice';
SELECT pg_temp.try($$WITH s AS (SELECT body FROM source WHERE id = 3) SELECT app.two_steps('SELECT body FROM source WHERE id = 3') FROM s$$);
SET ward.token = '';
RESET ROLE;
SELECT ward.unprotect('source', 'test');
SELECT ward.unprotect('answer', 'test');
SELECT ward.unprotect('ordinary', 'test');
SELECT ward.unprotect('answer_meta', 'test');
DROP TABLE source, answer, ordinary, answer_meta, stash;
DROP AGGREGATE app.gather(text);
DROP OPERATOR app.=== (text, text);
DROP DOMAIN app.keeping;
DROP FUNCTION app.ask, app.two_steps, app.keep, app.keep_immutable, app.fail, app.joins, app.lower_it;
