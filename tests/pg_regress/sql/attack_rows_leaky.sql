-- Code of the caller's that is run on rows before they are filtered, and what error messages and
-- estimates tell about rows that are.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET ward.new_tables = refuse;
SET ROLE app_owner;
CREATE TABLE spied (tenant int);
GRANT ALL ON spied TO app, app_bypass;
RESET ROLE;
SET ROLE app;
CREATE FUNCTION app.spy(tenant int) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN INSERT INTO spied VALUES (tenant); RETURN true; END$$;
CREATE FUNCTION app.spy_row(d docs) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN INSERT INTO spied VALUES (d.tenant_id); RETURN true; END$$;
CREATE FUNCTION app.spy_open(d docs_open) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN INSERT INTO spied VALUES (d.tenant_id); RETURN true; END$$;
CREATE FUNCTION app.spy_eq(tenant int, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN INSERT INTO spied VALUES (tenant); RETURN true; END$$;
CREATE OPERATOR app.=== (FUNCTION = spy_eq, LEFTARG = int, RIGHTARG = text);
CREATE TYPE app.wrapped AS (tenant int);
CREATE FUNCTION app.wrap(int) RETURNS wrapped LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN INSERT INTO spied VALUES ($1); RETURN row($1)::wrapped; END$$;
CREATE CAST (int AS wrapped) WITH FUNCTION wrap(int);
CREATE VIEW app.plain_view AS SELECT * FROM docs_open WHERE tenant_id = 1;
\set caught 'SELECT tenant, count(*) FROM spied GROUP BY 1 ORDER BY 1'
-- control arm: a view that filters by tenant lets the function see every row
BEGIN;
SELECT count(*) FROM plain_view WHERE spy(tenant_id);
:caught;
ROLLBACK;

SET ward.token = :'alice';
BEGIN;
SELECT count(*) FROM docs WHERE spy(tenant_id);
SELECT count(*) FROM docs d WHERE spy_row(d);
SELECT count(*) FROM docs WHERE tenant_id === 'x';
SELECT count(*) FROM docs WHERE tenant_id::wrapped IS NOT NULL;
SELECT count(*) FROM docs d JOIN docs_open o ON o.id = d.id AND spy(d.tenant_id);
SELECT count(*) FROM docs_open o LEFT JOIN docs d ON o.id = d.id AND spy(d.tenant_id);
SELECT id FROM docs ORDER BY spy(tenant_id), id LIMIT 1;
SELECT count(*) FROM docs TABLESAMPLE system (100) WHERE spy(tenant_id);
SELECT count(*) FROM docs WHERE CASE WHEN spy(tenant_id) THEN true END;
SELECT count(*) FROM docs WHERE tenant_id = 2 AND spy(tenant_id);
SELECT count(*) FROM docs WHERE id = 1 AND spy(tenant_id);
SELECT count(*) FROM docs WHERE ctid = '(0,1)' AND spy(tenant_id);
UPDATE docs SET body = body WHERE spy(tenant_id);
DELETE FROM docs WHERE NOT spy(tenant_id);
SELECT count(*) FROM (SELECT * FROM docs WHERE spy(tenant_id) FOR UPDATE) l;
MERGE INTO docs d USING docs_open o ON o.id = d.id AND spy(d.tenant_id) WHEN MATCHED THEN DO NOTHING;
SELECT DISTINCT tenant FROM spied;
ROLLBACK;
SET ward.token = '';
RESET ROLE;
-- the same for a role that core's row security spares
SET ROLE app_bypass;
SET ward.token = :'alice';
BEGIN;
SELECT count(*) FROM docs WHERE spy(tenant_id);
SELECT count(*) FROM docs WHERE id = 1 AND spy(tenant_id);
UPDATE docs SET body = body WHERE spy(tenant_id);
SELECT DISTINCT tenant FROM spied;
ROLLBACK;
SET ward.token = '';
RESET ROLE;
-- errors of core's own functions
SET ROLE app;
SELECT count(*) FROM docs_open WHERE 1 / (tenant_id - 2) > -9;
SELECT count(*) FROM plain_view WHERE 1 / (tenant_id - 2) > -9;
SET ward.token = :'alice';
SELECT count(*) FROM docs WHERE 1 / (tenant_id - 2) > -9;
SELECT count(*) FROM docs WHERE body::int > 0 AND tenant_id = 2;
-- what error texts say of rows
\set VERBOSITY default
BEGIN;
INSERT INTO docs (id, tenant_id, body) VALUES (NULL, 1, 'secret text');
ROLLBACK;
INSERT INTO docs (id, body) VALUES (1, 'x');
UPDATE docs SET id = 1 WHERE id = 3;
UPDATE docs SET tenant_id = 2 WHERE id = 3;
INSERT INTO notes (id, doc_id) VALUES (9001, 9999);
\set VERBOSITY terse
-- estimates and counts
EXPLAIN SELECT * FROM docs WHERE body = 'body 1';
EXPLAIN ANALYZE SELECT * FROM docs;
EXPLAIN (VERBOSE, FORMAT json) DELETE FROM docs;
PREPARE cached AS SELECT count(*) FROM docs;
EXECUTE cached;
EXPLAIN EXECUTE cached;
EXPLAIN ANALYZE EXECUTE cached;
CREATE TABLE app.copied AS SELECT * FROM docs;
SELECT * INTO app.copied FROM docs;
CREATE TABLE app.copied AS EXECUTE cached;
CREATE TEMP TABLE copied AS SELECT * FROM docs;
CREATE MATERIALIZED VIEW app.copied AS SELECT * FROM docs;
SELECT count(*) FROM pg_class WHERE relname = 'copied';
DO $$DECLARE r record; BEGIN FOR r IN EXECUTE 'EXPLAIN SELECT * FROM docs WHERE body = ''body 1''' LOOP RAISE NOTICE '%', r; END LOOP; END$$;
SET ward.token = '';
DROP VIEW app.plain_view;
DROP CAST (int AS wrapped);
DROP OPERATOR app.=== (int, text);
DROP FUNCTION app.spy, app.spy_row, app.spy_open, app.spy_eq, app.wrap;
DROP TYPE app.wrapped;
RESET ROLE;
DROP TABLE app.spied;
