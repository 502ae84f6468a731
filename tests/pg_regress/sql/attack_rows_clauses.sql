-- A protected table in every place of a statement where a query may stand. anna may see 10 rows;
-- docs_open holds the same 120 unprotected.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
-- what is made of protected rows can only go into protected tables
CREATE TABLE app.t (n bigint, tenant_id int, label ward.label);
CREATE TABLE app.t_unique (n bigint UNIQUE, tenant_id int, label ward.label);
INSERT INTO t VALUES (1, 1, 'public');
GRANT ALL ON t, t_unique TO app;
SELECT ward.protect('t', options => '{"default_label": "public"}'), ward.protect('t_unique', options => '{"default_label": "public"}');
SET ROLE app;
CREATE FUNCTION pg_temp.takes(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1';
-- control arm
SELECT (SELECT count(*) FROM docs_open), takes FROM pg_temp.takes((SELECT count(*) FROM docs_open)) takes;

SET ward.token = :'anna';
SELECT (SELECT count(*) FROM docs);
SELECT ARRAY(SELECT tenant_id FROM docs);
SELECT EXISTS (SELECT FROM docs WHERE tenant_id <> 1);
SELECT 2 IN (SELECT tenant_id FROM docs), 2 = ANY (SELECT tenant_id FROM docs), 1 <> ALL (SELECT tenant_id FROM docs);
SELECT n FROM t WHERE (SELECT count(*) FROM docs) = 10;
SELECT count(*) FROM t HAVING (SELECT count(*) FROM docs) = 10;
SELECT n FROM t GROUP BY n, (SELECT count(*) FROM docs);
SELECT n FROM t ORDER BY (SELECT count(*) FROM docs);
SELECT id FROM docs_open ORDER BY id LIMIT (SELECT count(*) FROM docs WHERE tenant_id = 2);
SELECT id FROM docs_open ORDER BY id OFFSET 110 + (SELECT count(*) FROM docs);
SELECT sum(n) OVER (ORDER BY (SELECT count(*) FROM docs)) FROM t;
SELECT count(*) FILTER (WHERE (SELECT count(*) FROM docs) = 10) FROM t;
SELECT sum((SELECT count(*) FROM docs)) FROM t;
SELECT CASE WHEN (SELECT count(*) FROM docs) = 10 THEN 'ten' END;
SELECT COALESCE((SELECT min(tenant_id) FROM docs WHERE tenant_id = 2), -1);
SELECT ROW((SELECT count(*) FROM docs), 1);
VALUES ((SELECT count(*) FROM docs)), (1);
SELECT * FROM pg_temp.takes((SELECT count(*) FROM docs));
SELECT pg_temp.takes((SELECT count(*) FROM docs));
SELECT * FROM generate_series(1, (SELECT count(*) FROM docs WHERE id < 40)) g;
SELECT count(*) FROM docs_open TABLESAMPLE bernoulli ((SELECT count(*) FROM docs WHERE tenant_id = 2));
SELECT count(*) FROM t JOIN docs_open o ON o.id < (SELECT count(*) FROM docs);
SELECT count(*) FROM t, LATERAL (SELECT * FROM docs WHERE id > n) l;
SELECT count(*) FROM ((SELECT id FROM docs) UNION (SELECT id FROM docs) EXCEPT (SELECT -1) INTERSECT (SELECT id FROM docs)) u;
SELECT count(*) FROM (docs a CROSS JOIN docs b) j;
SELECT count(*) FROM docs NATURAL FULL JOIN docs_open;
WITH a AS (SELECT * FROM docs), b AS (SELECT * FROM a) SELECT count(*) FROM b;
WITH a AS NOT MATERIALIZED (SELECT * FROM docs) SELECT count(*) FROM a x JOIN a y USING (id);
WITH RECURSIVE r(id) AS (SELECT 0 UNION ALL SELECT r.id + 1 FROM r WHERE r.id < (SELECT count(*) FROM docs)) SELECT max(id) FROM r;
WITH RECURSIVE r AS (SELECT id, tenant_id FROM docs WHERE id < 20 UNION SELECT d.id, d.tenant_id FROM docs d JOIN r ON d.id > r.id) SELECT count(*), max(tenant_id) FROM r;
SELECT jsonb_array_length(json_agg(d)::jsonb), string_agg(DISTINCT d.tenant_id::text, ',') FROM docs d;
SELECT length(query_to_xml('SELECT id FROM docs', false, false, '')::text) - length(replace(query_to_xml('SELECT id FROM docs', false, false, '')::text, '<row>', '<ro>')) AS rows;
SELECT length(table_to_xml('docs', false, false, '')::text) - length(replace(table_to_xml('docs', false, false, '')::text, '<row>', '<ro>')) AS rows;
SELECT count(*) FROM ts_stat('SELECT to_tsvector(body) FROM docs') WHERE nentry > 0;
SELECT count(*) FROM docs d WHERE d::text LIKE '%';
SELECT max(d.tableoid::regclass::text), count(d.ctid), count(d.xmin) FROM docs d;
SELECT count(*) FROM docs WHERE ctid >= '(0,0)';
SELECT count(*) FROM docs WHERE ctid IN ('(0,1)', '(0,2)', '(0,3)', '(0,4)');
SELECT count(*) FROM (SELECT DISTINCT ON (tenant_id) tenant_id FROM docs) s;
SELECT count(*) FROM (SELECT FROM docs GROUP BY GROUPING SETS ((tenant_id), ())) s;
SELECT id FROM docs WHERE id < 20 ORDER BY id FOR SHARE;
SELECT count(*) FROM (SELECT id FROM docs FOR NO KEY UPDATE SKIP LOCKED) l;

-- writing statements read as well
BEGIN;
INSERT INTO t SELECT count(*) FROM docs;
INSERT INTO t VALUES ((SELECT count(*) FROM docs)) RETURNING n, (SELECT count(*) FROM docs);
UPDATE t SET n = (SELECT count(*) FROM docs) WHERE n = (SELECT count(*) FROM docs) RETURNING n, (SELECT count(*) FROM docs);
UPDATE t SET (n) = (SELECT count(*) FROM docs) WHERE n = 1;
UPDATE t SET n = d.tenant_id FROM docs d RETURNING t.n;
DELETE FROM t USING docs d WHERE t.n = d.tenant_id AND d.tenant_id = 2;
DELETE FROM t WHERE n > (SELECT count(*) FROM docs WHERE tenant_id = 2) RETURNING (SELECT count(*) FROM docs);
MERGE INTO t USING (SELECT count(*) AS c FROM docs) s ON t.n = s.c
    WHEN NOT MATCHED AND (SELECT count(*) FROM docs) = 10 THEN INSERT VALUES ((SELECT count(*) FROM docs));
INSERT INTO t_unique VALUES (10);
INSERT INTO t_unique VALUES (10) ON CONFLICT (n) DO UPDATE SET n = (SELECT 1000 + count(*) FROM docs) WHERE (SELECT count(*) FROM docs) = 10 RETURNING n;
WITH w AS (INSERT INTO t SELECT 2000 + count(*) FROM docs RETURNING n) SELECT n FROM w;
WITH w AS (DELETE FROM docs WHERE id < 40 RETURNING tenant_id) SELECT count(*), max(tenant_id) FROM w;
WITH w AS (UPDATE docs SET body = 'x' RETURNING tenant_id) SELECT count(*), max(tenant_id) FROM w;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM docs ORDER BY id FOR UPDATE;
FETCH 1 FROM c;
UPDATE docs SET body = 'current' WHERE CURRENT OF c RETURNING id, tenant_id;
DELETE FROM docs WHERE CURRENT OF c RETURNING id, tenant_id;
ROLLBACK;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM docs ORDER BY id;
MOVE FORWARD ALL FROM c;
FETCH BACKWARD 1 FROM c;
ROLLBACK;

-- policies, views, rules and defaults of other tables
SET ward.token = '';
RESET ROLE;
SET ROLE app_owner;
CREATE TABLE other (id int);
INSERT INTO other SELECT generate_series(1, 120);
ALTER TABLE other ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON other USING (id IN (SELECT id FROM docs));
GRANT SELECT ON other TO app;
CREATE TABLE target (id int, tenant_id int);
CREATE VIEW ruled AS SELECT * FROM target;
CREATE RULE ins AS ON INSERT TO ruled DO INSTEAD INSERT INTO target SELECT id FROM docs;
GRANT ALL ON ruled, target TO app;
RESET ROLE;
SELECT ward.protect('target', label => NULL);
SET ROLE app;
SET ward.token = :'anna';
SELECT count(*) FROM other;
INSERT INTO ruled VALUES (1);
SELECT count(*) FROM target;
SET ward.token = '';
SELECT count(*) FROM other;
INSERT INTO ruled VALUES (1);
RESET ROLE;
DROP VIEW ruled;
DROP TABLE other, target, t, t_unique;

-- parallel workers
SET ROLE app_owner;
CREATE TABLE big AS SELECT n AS id, n % 3 + 1 AS tenant_id, 'public'::ward.label AS label, md5(n::text) AS body FROM generate_series(1, 60000) n;
CREATE TABLE big_open AS TABLE big;
GRANT ALL ON big, big_open TO app;
RESET ROLE;
SELECT ward.protect('big');
ANALYZE big, big_open;
SET ROLE app;
SET ward.token = :'anna';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.workers(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN jsonb_path_query_first(plan, 'strict $.**."Workers Planned"');
END $$;
SELECT pg_temp.workers('SELECT tenant_id, count(*), sum(length(body)) FROM big_open GROUP BY 1') > 0 AS parallel;
SELECT tenant_id, count(*) FROM big_open GROUP BY 1 ORDER BY 1;
SELECT tenant_id, count(*), max(subject()) AS subject FROM big GROUP BY 1 ORDER BY 1;
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT tenant_id, count(*), max(subject()) AS subject FROM big GROUP BY 1 ORDER BY 1;
SELECT count(*), max(tenant_id) FROM docs;
SELECT subject(), tenant();
SET ward.token = :'bob';
SELECT tenant_id, count(*), max(subject()) AS subject FROM big GROUP BY 1 ORDER BY 1;
SET ward.token = '';
SELECT tenant_id, count(*) FROM big GROUP BY 1 ORDER BY 1;
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
RESET ROLE;
DROP TABLE big, big_open;
