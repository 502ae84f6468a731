-- Carrying rows, or what is known of them, out of the tables: EXPLAIN, CREATE TABLE AS, materialised
-- views. The unprotected twin is the control arm.
\set VERBOSITY terse
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET client_min_messages = warning;
-- stored rows are followed unless this is set
SET ward.new_tables = refuse;
\set rows 'SELECT relname, reltuples >= 0 AS filled FROM pg_class WHERE relname LIKE ''store_%'' AND relkind IN (''r'', ''m'') ORDER BY 1'
SET ROLE app;
SET ward.token = :'bob';
CREATE FUNCTION store_read() RETURNS SETOF docs LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM docs; END';
CREATE FUNCTION store_nested() RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    BEGIN
        EXECUTE 'EXPLAIN SELECT * FROM docs' INTO line;
    EXCEPTION WHEN feature_not_supported THEN line = 'refused: ' || SQLERRM;
    END;
    RETURN line || '; ' || (SELECT count(*) FROM docs);
END $$;
-- a plan that was made before is as good as a new one
PREPARE store_open AS SELECT id FROM docs_open;
PREPARE store_docs AS SELECT id FROM docs;
EXECUTE store_open \g /dev/null
EXECUTE store_docs \g /dev/null

CREATE TABLE store_1o AS SELECT * FROM docs_open;
CREATE TABLE store_1 AS SELECT * FROM docs;
SELECT * INTO store_2o FROM docs_open;
SELECT * INTO store_2 FROM docs;
CREATE TABLE store_3o AS EXECUTE store_open;
CREATE TABLE store_3 AS EXECUTE store_docs;
CREATE MATERIALIZED VIEW store_4o AS SELECT * FROM docs_open;
CREATE MATERIALIZED VIEW store_4 AS SELECT * FROM docs;
CREATE MATERIALIZED VIEW store_5 AS SELECT * FROM docs WITH NO DATA;
REFRESH MATERIALIZED VIEW store_5;
CREATE TABLE store_6 AS SELECT * FROM store_read();
CREATE TEMP TABLE store_7 AS SELECT count(*) FROM docs;
DO 'BEGIN CREATE TABLE store_8 AS SELECT * FROM docs; END';
WITH x AS (SELECT * FROM docs) SELECT * INTO store_9 FROM x;
:rows;

EXPLAIN (COSTS OFF) SELECT count(*) FROM docs_open;
EXPLAIN (COSTS OFF) SELECT count(*) FROM docs;
EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM docs;
EXPLAIN (COSTS OFF) EXECUTE store_docs;
EXPLAIN (ANALYZE, COSTS OFF) CREATE TABLE store_10 AS SELECT * FROM docs;
EXPLAIN (COSTS OFF) UPDATE docs SET body = body;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM store_read();
-- an EXPLAIN that failed inside a function is over
SELECT store_nested();
SELECT count(*) FROM docs;
-- the administrator's setting opens EXPLAIN, but not storing
RESET ward.token;
RESET ROLE;
SET ward.allow_explain = on;
SET ward.token = :'bob';
EXPLAIN (COSTS OFF) SELECT count(*) FROM docs WHERE tenant_id = 1;
EXPLAIN (ANALYZE, COSTS OFF) CREATE TABLE store_11 AS SELECT * FROM docs;
RESET ward.token;
RESET ward.allow_explain;
SET ROLE app;
SET ward.token = :'bob';
SET ward.allow_explain = on;
RESET ward.token;

-- an administrator's materialised view is filled in maintenance, knowingly
RESET ROLE;
REFRESH MATERIALIZED VIEW store_5;
SET ward.maintenance = 'fill the view';
REFRESH MATERIALIZED VIEW store_5;
SELECT count(*) FROM store_5;
RESET ward.maintenance;
SELECT count(*) FROM store_5;

DROP TABLE store_1o, store_2o, store_3o;
DROP MATERIALIZED VIEW store_4o, store_5;
DROP FUNCTION store_read, store_nested;
