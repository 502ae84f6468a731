-- The watermark: the join of the labels of what a transaction was given to see.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
-- one row of each label for tenant 1: id 1 is public, 2 internal, 3 confidential, 4 confidential{pii}
CREATE TABLE seen (id int PRIMARY KEY, tenant_id int, label ward.label, body text, embedding vector(3));
INSERT INTO seen SELECT n, 1, (ARRAY['public', 'internal', 'confidential', 'confidential{pii}'])[n]::ward.label, 'body ' || n, ARRAY[n, 1, 1]::real[]::vector
    FROM generate_series(1, 4) n;
INSERT INTO seen VALUES (5, 2, 'secret', 'of another', '[5,1,1]');
CREATE TABLE plain (id int, seen_id int);
INSERT INTO plain SELECT n, n FROM generate_series(1, 4) n;
CREATE VIEW seen_view AS SELECT id, body, embedding FROM seen;
CREATE FUNCTION app.body_of(int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT body FROM seen WHERE id = $1); END$$;
CREATE FUNCTION app.count_up_to(int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM seen WHERE id <= $1';
GRANT ALL ON seen, plain, seen_view TO app;
RESET ROLE;
SELECT ward.protect('seen');
-- mark(statement): the watermark of a transaction that ran this statement, and how many rows it gave
CREATE FUNCTION pg_temp.marks(VARIADIC statements text[]) RETURNS TABLE (statement text, mark ward.label) LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        BEGIN
            FOR r IN EXECUTE statement LOOP NULL; END LOOP;
        END;
        mark := ward.watermark();
        RETURN NEXT;
    END LOOP;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO app;
\set check 'SELECT mark FROM pg_temp.marks'
\pset tuples_only on
SET ROLE app;

-- where nothing tracks it: the clearance, once something was read
SET ward.token = :'alice';
SELECT ward.watermark();
SELECT * FROM pg_temp.marks('SELECT 1', 'SELECT * FROM plain', 'SELECT * FROM seen WHERE id = 1');
SELECT ward.watermark();

SET ward.track_watermark = on;
-- each line is a transaction of its own: what it reads, and the mark
SELECT * FROM pg_temp.marks('SELECT * FROM plain');
SELECT * FROM pg_temp.marks('SELECT * FROM seen WHERE id = 1');
SELECT * FROM pg_temp.marks('SELECT * FROM seen WHERE id = 2');
SELECT * FROM pg_temp.marks('SELECT body FROM seen WHERE id IN (1, 3)');
SELECT * FROM pg_temp.marks('SELECT body FROM seen');
SELECT * FROM pg_temp.marks('SELECT body FROM seen WHERE false');
SELECT * FROM pg_temp.marks('SELECT 1 FROM seen WHERE id = 3');
SELECT * FROM pg_temp.marks('SELECT FROM seen WHERE id = 3');
SELECT * FROM pg_temp.marks('SELECT seen FROM seen WHERE id = 3');
SELECT * FROM pg_temp.marks('TABLE seen LIMIT 0');
-- ORDER BY and LIMIT: the rows that come out, not those that were sorted
SELECT * FROM pg_temp.marks('SELECT id FROM seen ORDER BY id LIMIT 2');
SELECT * FROM pg_temp.marks('SELECT id, body FROM seen ORDER BY id LIMIT 2');
SELECT * FROM pg_temp.marks('SELECT body FROM seen ORDER BY id DESC LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT body FROM seen ORDER BY embedding <-> ''[2,1,1]'' LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT embedding <-> ''[1,1,1]'' AS d FROM seen ORDER BY d LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT id, generate_series(1, 3) FROM seen ORDER BY id LIMIT 5');
SELECT * FROM pg_temp.marks('SELECT id FROM seen ORDER BY id FETCH FIRST 1 ROW WITH TIES');
SELECT * FROM pg_temp.marks('SELECT id FROM seen ORDER BY id LIMIT 2 FOR UPDATE');
-- joins, views, sub-selects in FROM, WITH
SELECT * FROM pg_temp.marks('SELECT p.id FROM plain p JOIN seen s ON s.id = p.seen_id WHERE p.id = 2');
SELECT * FROM pg_temp.marks('SELECT p.id FROM plain p LEFT JOIN seen s ON s.id = p.seen_id AND s.id = 99 ORDER BY p.id');
SELECT * FROM pg_temp.marks('SELECT p.id, s.body FROM plain p LEFT JOIN seen s ON s.id = p.seen_id AND s.id < 3 ORDER BY p.id');
SELECT * FROM pg_temp.marks('SELECT a.body, b.body FROM seen a FULL JOIN seen b ON a.id = b.id + 1 WHERE a.id = 2 OR b.id = 1');
SELECT * FROM pg_temp.marks('SELECT body FROM seen_view ORDER BY embedding <-> ''[2,1,1]'' LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT * FROM (SELECT id, body FROM seen ORDER BY id LIMIT 2) s');
SELECT * FROM pg_temp.marks('SELECT * FROM (SELECT id, body FROM seen OFFSET 0) s ORDER BY id LIMIT 1');
SELECT * FROM pg_temp.marks('WITH w AS MATERIALIZED (SELECT id, body FROM seen) SELECT body FROM w WHERE id = 3');
SELECT * FROM pg_temp.marks('WITH w AS (SELECT id, body FROM seen) SELECT a.body FROM w a, w b WHERE a.id = 1 AND b.id = 2');
SELECT * FROM pg_temp.marks('SELECT s.body FROM plain p, LATERAL (SELECT body FROM seen WHERE id = p.seen_id) s WHERE p.id = 3');
SELECT * FROM pg_temp.marks('WITH RECURSIVE w AS (SELECT id, body FROM seen WHERE id = 1 UNION ALL SELECT s.id, s.body FROM w JOIN seen s ON s.id = w.id + 1 WHERE s.id < 3) SELECT * FROM w');
-- groups, DISTINCT, windows, set operations
SELECT * FROM pg_temp.marks('SELECT count(*) FROM seen WHERE id <= 2');
SELECT * FROM pg_temp.marks('SELECT max(id) FROM seen WHERE id <= 3');
SELECT * FROM pg_temp.marks('SELECT id % 2, count(*) FROM seen GROUP BY 1 HAVING max(id) < 4 ORDER BY 1');
SELECT * FROM pg_temp.marks('SELECT id % 2 FROM seen GROUP BY 1 ORDER BY 1 DESC LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT DISTINCT tenant_id FROM seen WHERE id < 4');
SELECT * FROM pg_temp.marks('SELECT DISTINCT ON (tenant_id) tenant_id, body FROM seen WHERE id < 3 ORDER BY tenant_id, id');
SELECT * FROM pg_temp.marks('SELECT body, row_number() OVER (ORDER BY id) FROM seen WHERE id < 4 LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT id FROM seen GROUP BY ROLLUP (id) HAVING id = 2');
SELECT * FROM pg_temp.marks('SELECT id FROM seen WHERE id = 1 UNION ALL SELECT id FROM plain');
SELECT * FROM pg_temp.marks('SELECT id FROM seen WHERE id = 1 UNION SELECT id FROM seen WHERE id = 2 ORDER BY 1');
SELECT * FROM pg_temp.marks('(SELECT id FROM seen ORDER BY id LIMIT 1) EXCEPT SELECT id FROM plain WHERE id = 9');
SELECT * FROM pg_temp.marks('SELECT * FROM (SELECT id FROM seen WHERE id = 1 UNION ALL SELECT id FROM seen WHERE id = 3) s');
-- sub-selects in expressions
SELECT * FROM pg_temp.marks('SELECT (SELECT body FROM seen WHERE id = 3)');
SELECT * FROM pg_temp.marks('SELECT p.id, (SELECT body FROM seen s WHERE s.id = p.seen_id) FROM plain p WHERE p.id = 2');
SELECT * FROM pg_temp.marks('SELECT ARRAY(SELECT body FROM seen WHERE id < 3)');
SELECT * FROM pg_temp.marks('SELECT EXISTS (SELECT FROM seen WHERE id = 2)');
SELECT * FROM pg_temp.marks('SELECT * FROM plain WHERE seen_id IN (SELECT id FROM seen WHERE id = 3)');
SELECT * FROM pg_temp.marks('SELECT * FROM plain WHERE EXISTS (SELECT FROM seen WHERE id = 3)');
SELECT * FROM pg_temp.marks('SELECT * FROM (SELECT id, (SELECT body FROM seen WHERE id = 2) FROM plain) s');
-- functions: what they read by themselves
SELECT * FROM pg_temp.marks('SELECT app.body_of(3)');
SELECT * FROM pg_temp.marks('SELECT app.body_of(p.id) FROM plain p WHERE p.id = 2');
SELECT * FROM pg_temp.marks('SELECT app.count_up_to(2)');
SELECT * FROM pg_temp.marks('SELECT * FROM app.count_up_to(3)');
DO $$DECLARE x text; BEGIN SELECT body INTO x FROM seen WHERE id = 3; RAISE NOTICE '%', ward.watermark(); END$$;
DO $$DECLARE r record; BEGIN FOR r IN SELECT id FROM seen ORDER BY id LOOP EXIT WHEN r.id = 1; END LOOP; RAISE NOTICE 'at least what was fetched: %', ward.watermark() @> 'public'; END$$;
-- writing, and what RETURNING shows
SELECT * FROM pg_temp.marks('INSERT INTO seen (id, label, body) VALUES (10, ''internal'', ''x'') RETURNING id');
SELECT * FROM pg_temp.marks('UPDATE seen SET body = ''y'' WHERE id = 10 RETURNING body');
SELECT * FROM pg_temp.marks('UPDATE seen SET label = ''confidential'' WHERE id = 10 RETURNING id');
SELECT * FROM pg_temp.marks('UPDATE plain p SET id = p.id FROM seen s WHERE s.id = p.seen_id AND s.id = 2 RETURNING s.body');
SELECT * FROM pg_temp.marks('WITH w AS (UPDATE seen SET body = ''z'' WHERE id = 2 RETURNING body) SELECT * FROM w');
SELECT * FROM pg_temp.marks('DELETE FROM seen WHERE id = 10 RETURNING *');
BEGIN;
INSERT INTO seen (id, label, body) VALUES (11, 'confidential', 'x');
UPDATE seen SET body = 'y' WHERE id = 3;
DELETE FROM seen WHERE id = 11;
SELECT ward.watermark();
ROLLBACK;
-- cursors: what was fetched
BEGIN;
DECLARE c CURSOR FOR SELECT id, body FROM seen ORDER BY id;
SELECT ward.watermark();
FETCH 1 FROM c;
SELECT ward.watermark();
FETCH 1 FROM c;
SELECT ward.watermark();
MOVE 1 FROM c;
SELECT ward.watermark();
CLOSE c;
DECLARE s SCROLL CURSOR FOR SELECT id FROM seen ORDER BY id;
FETCH LAST FROM s;
SELECT ward.watermark();
COMMIT;
BEGIN;
DECLARE u CURSOR FOR SELECT id, body FROM seen WHERE id < 3 ORDER BY id FOR UPDATE;
FETCH 1 FROM u;
UPDATE seen SET body = 'current' WHERE CURRENT OF u RETURNING id;
SELECT ward.watermark();
ROLLBACK;
-- prepared statements, COPY
PREPARE p(int) AS SELECT body FROM seen WHERE id = $1;
BEGIN; EXECUTE p(2); SELECT ward.watermark(); COMMIT;
BEGIN; EXECUTE p(1); SELECT ward.watermark(); COMMIT;
BEGIN; COPY (SELECT id FROM seen WHERE id = 2) TO STDOUT; SELECT ward.watermark(); COMMIT;
BEGIN; COPY seen (id) TO STDOUT; SELECT ward.watermark(); COMMIT;
-- made untracked, run tracked
SET ward.track_watermark = off;
PREPARE q AS SELECT body FROM seen WHERE id = 1;
EXECUTE q;
SET ward.track_watermark = on;
BEGIN; EXECUTE q; SELECT ward.watermark(); COMMIT;
-- savepoints: what was seen was seen
BEGIN;
SAVEPOINT a;
SELECT id FROM seen WHERE id = 2;
ROLLBACK TO a;
SELECT ward.watermark();
RELEASE a;
SELECT ward.watermark();
ROLLBACK;
SELECT ward.watermark();
BEGIN;
SELECT id, 1 / (id - 3) FROM seen WHERE id = 3;
ROLLBACK;
SELECT ward.watermark();
-- another identity in the same transaction
BEGIN;
SET LOCAL ward.token = :'alice';
SELECT id FROM seen WHERE id = 3;
SET LOCAL ward.token = :'anna';
SELECT ward.watermark();
SELECT id FROM seen;
SELECT ward.watermark();
SET LOCAL ward.token = '';
SELECT ward.watermark();
COMMIT;
-- parallel plans, and a vector index
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'test data';
INSERT INTO seen SELECT n, 1, (ARRAY['public', 'internal'])[n % 2 + 1]::ward.label, 'many ' || n, ARRAY[n, n % 5, 1]::real[]::vector FROM generate_series(100, 3000) n;
CREATE INDEX seen_hnsw ON seen USING hnsw (embedding vector_l2_ops);
ANALYZE seen;
RESET ward.maintenance;
SET ward.allow_explain = on;
SET ROLE app;
SET ward.token = :'alice';
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF, VERBOSE) SELECT id, body FROM seen ORDER BY embedding <-> '[1,1,1]' LIMIT 1;
SELECT * FROM pg_temp.marks('SELECT id, body FROM seen ORDER BY embedding <-> ''[1,1,1]'' LIMIT 1');
SELECT * FROM pg_temp.marks('SELECT id, body FROM seen ORDER BY embedding <-> ''[1,1,1]'' LIMIT 2');
SELECT * FROM pg_temp.marks('SELECT id, body FROM seen_view ORDER BY embedding <-> ''[1,1,1]'' LIMIT 1');
RESET enable_seqscan;
RESET enable_sort;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF, VERBOSE) SELECT id, body FROM seen WHERE body LIKE '%99';
SELECT * FROM pg_temp.marks('SELECT id, body FROM seen WHERE body LIKE ''%many 199''');
SELECT * FROM pg_temp.marks('SELECT id, body FROM seen WHERE body LIKE ''%many 198''');
EXPLAIN (COSTS OFF) SELECT count(*) FROM seen WHERE body LIKE 'many%';
SELECT * FROM pg_temp.marks('SELECT count(*) FROM seen WHERE body LIKE ''many%''');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET enable_indexscan;
RESET enable_bitmapscan;
-- the values and their types are what they were
SELECT id, label, body, embedding, pg_typeof(id), pg_typeof(body) FROM seen WHERE id = 1;
\gdesc
SELECT id, body::varchar(5), embedding FROM seen \gdesc
\pset tuples_only off
SELECT body AS shown, id FROM seen ORDER BY id LIMIT 1;
\pset tuples_only on
SET ward.token = '';
RESET ROLE;
RESET ward.allow_explain;
SELECT ward.unprotect('seen', 'test');
DROP VIEW seen_view;
DROP TABLE seen, plain;
DROP FUNCTION app.body_of, app.count_up_to;
