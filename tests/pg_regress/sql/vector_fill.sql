-- Approximate vector indexes under protection: min(k, visible) rows, in exact order.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET ROLE app_owner;
-- tenant 2 has 3 %, tenant 1 nearly all; the same rows with each kind of index
CREATE TABLE vectors (id int PRIMARY KEY, tenant_id int, label ward.label, embedding vector(8), half halfvec(8));
SELECT setseed(0.42);
INSERT INTO vectors
    SELECT n, CASE WHEN n % 33 = 0 THEN 2 WHEN n % 500 = 1 THEN 3 ELSE 1 END, (ARRAY['public', 'internal', 'secret'])[n % 3 + 1]::ward.label, v, v::halfvec
    FROM (SELECT n, ARRAY[random(), random(), random(), random(), random(), random(), random(), random()]::real[]::vector AS v FROM generate_series(1, 4000) n) s;
CREATE TABLE by_hnsw AS TABLE vectors;
CREATE INDEX by_hnsw_index ON by_hnsw USING hnsw (embedding vector_l2_ops);
CREATE TABLE by_cosine AS TABLE vectors;
CREATE INDEX by_cosine_index ON by_cosine USING hnsw (half halfvec_cosine_ops);
CREATE TABLE by_ivfflat AS TABLE vectors;
CREATE INDEX by_ivfflat_index ON by_ivfflat USING ivfflat (embedding vector_l2_ops) WITH (lists = 40);
CREATE TABLE by_half AS TABLE vectors;
CREATE INDEX by_half_index ON by_half USING ivfflat (half halfvec_l2_ops) WITH (lists = 40);
CREATE TABLE parted_vectors (LIKE vectors) PARTITION BY RANGE (id);
CREATE TABLE parted_vectors_1 PARTITION OF parted_vectors FOR VALUES FROM (0) TO (1000);
CREATE TABLE parted_vectors_2 PARTITION OF parted_vectors FOR VALUES FROM (1000) TO (5000);
INSERT INTO parted_vectors TABLE vectors;
CREATE INDEX ON parted_vectors USING hnsw (embedding vector_l2_ops);
CREATE TABLE unprotected AS TABLE vectors;
CREATE INDEX unprotected_index ON unprotected USING hnsw (embedding vector_l2_ops);
GRANT ALL ON ALL TABLES IN SCHEMA app TO app;
RESET ROLE;
SELECT ward.protect(t::regclass) FROM unnest(ARRAY['by_hnsw', 'by_cosine', 'by_ivfflat', 'by_half', 'vectors', 'parted_vectors']) t;
ANALYZE by_hnsw, by_cosine, by_ivfflat, by_half, vectors, parted_vectors, unprotected;
-- knn(table, column, operator, k, …): how many rows of those that a brute-force sort finds, whether
-- they come in order, and whether nine of ten are the true nearest ones
CREATE FUNCTION app.knn(tab text, col text, op text, k int, skip int DEFAULT 0, condition text DEFAULT 'true') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    question text := '[0.3,0.7,0.1,0.9,0.5,0.2,0.8,0.4]';
    found int[];
    distances float8[];
    exact int[];
BEGIN
    EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (SELECT id, %3$I %4$s %5$L AS d FROM %1$I WHERE %2$s ORDER BY %3$I %4$s %5$L LIMIT %6$s OFFSET %7$s) s',
        tab, condition, col, op, question, k, skip) INTO found, distances;
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM vectors WHERE %1$s ORDER BY (%2$I %3$s %4$L) + 0 LIMIT %5$s OFFSET %6$s) s',
        condition, col, op, question, k, skip) INTO exact;
    RETURN concat_ws(', ',
        COALESCE(cardinality(found), 0) || ' of ' || COALESCE(cardinality(exact), 0),
        CASE WHEN distances IS DISTINCT FROM (SELECT array_agg(d ORDER BY d) FROM unnest(distances) d) THEN 'unordered' END,
        CASE WHEN (SELECT count(*) FROM unnest(found) f WHERE f = ANY (exact)) < 0.9 * cardinality(exact) THEN 'inexact' END);
END $$;
-- does the index answer?
CREATE FUNCTION app.uses(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN jsonb_path_query_first(plan, 'strict $.**."Index Name"') #>> '{}';
END $$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET ward.allow_explain = on;
SET ROLE app;
SET ward.token = :'bob';
SELECT uses('SELECT id FROM by_hnsw ORDER BY embedding <-> ''[0,0,0,0,0,0,0,1]'' LIMIT 5') AS hnsw,
    uses('SELECT id FROM by_cosine ORDER BY half <=> ''[0,0,0,0,0,0,0,1]'' LIMIT 5') AS cosine,
    uses('SELECT id FROM by_ivfflat ORDER BY embedding <-> ''[0,0,0,0,0,0,0,1]'' LIMIT 5') AS ivfflat,
    uses('SELECT id FROM by_half ORDER BY half <-> ''[0,0,0,0,0,0,0,1]'' LIMIT 5') AS half;
SELECT count(*) AS visible FROM vectors;
SELECT k, knn('by_hnsw', 'embedding', '<->', k) AS hnsw, knn('by_cosine', 'half', '<=>', k) AS cosine FROM unnest('{1,10,50,200}'::int[]) k;
-- IVFFlat stops after as many lists as fill the LIMIT: full and in order, not always the nearest
SELECT k, replace(knn('by_ivfflat', 'embedding', '<->', k), ', inexact', '') AS ivfflat, replace(knn('by_half', 'half', '<->', k), ', inexact', '') AS half FROM unnest('{1,10,50,200}'::int[]) k;
-- a tenant with 8 rows, and one within a low clearance
\set tiny `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"tim","tenant":"3","clearance":"secret"}'`
SET ward.token = :'tiny';
SELECT count(*) AS visible FROM vectors;
SELECT k, knn('by_hnsw', 'embedding', '<->', k) AS hnsw, knn('by_cosine', 'half', '<=>', k) AS cosine, replace(knn('by_ivfflat', 'embedding', '<->', k), ', inexact', '') AS ivfflat, replace(knn('by_half', 'half', '<->', k), ', inexact', '') AS half
    FROM unnest('{1,10}'::int[]) k;
SET ward.token = :'anna';
SELECT k, knn('by_hnsw', 'embedding', '<->', k) AS hnsw FROM unnest('{1,10,50,200}'::int[]) k;
SET ward.token = :'carol';
SELECT k, knn('by_hnsw', 'embedding', '<->', k, 0, 'tenant_id = 2') AS hnsw FROM unnest('{1,10,50,200}'::int[]) k;
-- OFFSET, a further condition, a distance limit
SET ward.token = :'bob';
SELECT knn('by_hnsw', 'embedding', '<->', 10, 20) AS "offset", knn('by_hnsw', 'embedding', '<->', 10, 115) AS "offset near the end", knn('by_hnsw', 'embedding', '<->', 10, 500) AS beyond,
    knn('by_hnsw', 'embedding', '<->', 10, 0, 'id % 2 = 0') AS condition, knn('by_hnsw', 'embedding', '<->', 10, 0, 'label = ''public''') AS label;
-- without a LIMIT that ward could sort: a cursor, ties, a window; still all rows, and in order
\set q '''[0.3,0.7,0.1,0.9,0.5,0.2,0.8,0.4]'''
SELECT count(*) > 100 AS most, count(*) FILTER (WHERE d < before) AS unordered FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT embedding <-> :q AS d FROM by_hnsw ORDER BY 1 OFFSET 0) s) s;
SELECT count(*), count(*) FILTER (WHERE d < before) AS unordered FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT embedding <-> :q AS d FROM by_ivfflat ORDER BY 1 OFFSET 0) s) s;
SELECT count(*) FROM (SELECT id FROM by_hnsw ORDER BY embedding <-> :q FETCH FIRST 60 ROWS WITH TIES) s;
SELECT count(*) FROM (SELECT id, row_number() OVER (ORDER BY embedding <-> :q) FROM by_hnsw ORDER BY embedding <-> :q LIMIT 60) s;
SELECT count(*) FROM (SELECT id FROM by_ivfflat ORDER BY embedding <-> :q, id LIMIT 60) s;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM by_hnsw ORDER BY embedding <-> :q;
MOVE 60 IN c;
\echo :ROW_COUNT
ROLLBACK;
-- other shapes
\set nearest 'SELECT id FROM by_hnsw ORDER BY embedding <-> ' :q ' LIMIT 10'
SELECT count(*) FROM (:nearest) s;
SELECT count(*) FROM (SELECT b.id, v.label FROM by_hnsw b JOIN vectors v ON v.id = b.id ORDER BY b.embedding <-> :q LIMIT 10) s;
SELECT count(*) FROM vectors WHERE id IN (:nearest);
SELECT count(*), max(tenant_id) FROM (WITH n AS MATERIALIZED (SELECT * FROM by_hnsw ORDER BY embedding <-> :q LIMIT 10) SELECT * FROM n) s;
SELECT count(*) FROM (SELECT id, l.near FROM unprotected u, LATERAL (SELECT b.id AS near FROM by_hnsw b ORDER BY b.embedding <-> u.embedding LIMIT 5) l WHERE u.id <= 3) s;
SELECT count(*), count(DISTINCT n) FROM (SELECT u.id, ARRAY(SELECT b.id FROM by_hnsw b ORDER BY b.embedding <-> u.embedding LIMIT 5) AS n FROM unprotected u WHERE u.id <= 3) s WHERE cardinality(n) = 5;
PREPARE near(vector, int) AS SELECT count(*) FROM (SELECT id FROM by_hnsw ORDER BY embedding <-> $1 LIMIT $2) s;
EXECUTE near(:q, 10);
SET plan_cache_mode = force_generic_plan;
EXECUTE near(:q, 50);
SET ward.token = :'tiny';
EXECUTE near(:q, 50);
SET ward.token = :'bob';
EXECUTE near(:q, 500);
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM by_hnsw ORDER BY embedding <-> :q LIMIT 60;
MOVE 30 IN c;
\echo :ROW_COUNT
MOVE 20 IN c;
\echo :ROW_COUNT
MOVE 100 IN c;
\echo :ROW_COUNT
COMMIT;
DO $$DECLARE r record; n int := 0; BEGIN FOR r IN SELECT id FROM by_hnsw ORDER BY embedding <-> '[0.3,0.7,0.1,0.9,0.5,0.2,0.8,0.4]' LIMIT 80 LOOP n := n + 1; END LOOP; RAISE NOTICE '% rows', n; END$$;
-- partitions, each with an index of its own
SELECT count(*), count(*) FILTER (WHERE d < before) AS unordered FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT embedding <-> :q AS d FROM parted_vectors ORDER BY 1 LIMIT 50) s) s;
SELECT count(*) FROM (SELECT id FROM parted_vectors ORDER BY embedding <-> :q LIMIT 500) s;
-- rows that are gone or new
BEGIN;
DELETE FROM by_hnsw WHERE id IN (SELECT id FROM by_hnsw ORDER BY embedding <-> :q LIMIT 20);
SELECT count(*) FROM by_hnsw;
SELECT count(*) FROM (SELECT id FROM by_hnsw ORDER BY embedding <-> :q LIMIT 50) s;
SELECT count(*) FROM (SELECT id FROM by_hnsw ORDER BY embedding <-> :q LIMIT 500) s;
INSERT INTO by_hnsw (id, embedding) VALUES (9001, :q);
SELECT id, tenant_id, embedding <-> :q AS distance FROM by_hnsw ORDER BY embedding <-> :q LIMIT 1;
ROLLBACK;
-- the settings of pgvector are as they were
SELECT current_setting('hnsw.iterative_scan') AS hnsw, current_setting('hnsw.max_scan_tuples') AS tuples, current_setting('ivfflat.iterative_scan') AS ivfflat, current_setting('ivfflat.probes') AS probes;
BEGIN;
SET LOCAL hnsw.iterative_scan = strict_order;
SELECT count(*) FROM (:nearest) s;
SELECT current_setting('hnsw.iterative_scan') AS hnsw;
SAVEPOINT a;
SELECT id, 1 / (id - id) FROM by_hnsw ORDER BY embedding <-> :q LIMIT 10;
ROLLBACK TO a;
SELECT current_setting('hnsw.iterative_scan') AS hnsw;
COMMIT;
-- control arm: an index shared by all tenants, without filling, comes back short
SET ward.token = '';
RESET ROLE;
SET ward.fill_vector_results = off;
SET ROLE app;
SET ward.token = :'bob';
SELECT count(*) < 50 AS short FROM (SELECT id FROM by_hnsw ORDER BY embedding <-> :q LIMIT 50) s;
SELECT count(*) < 50 AS short FROM (SELECT id FROM by_ivfflat ORDER BY embedding <-> :q LIMIT 50) s;
SELECT count(*) < 50 AS short FROM (SELECT id FROM unprotected WHERE tenant_id = 2 ORDER BY embedding <-> :q LIMIT 50) s;
SET ward.token = '';
RESET ROLE;
RESET ward.fill_vector_results;
RESET ward.allow_explain;
DROP TABLE by_hnsw, by_cosine, by_ivfflat, by_half, vectors, parted_vectors, unprotected;
DROP FUNCTION app.knn, app.uses;
