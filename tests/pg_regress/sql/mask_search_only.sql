-- search_only embeddings: usable to order by, never to be read; the shapes that frameworks send.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE chunks (id int PRIMARY KEY, tenant_id int, content text NOT NULL, meta jsonb, embedding vector(3) NOT NULL);
INSERT INTO chunks SELECT n, n % 2 + 1, 'chunk ' || n, '{}', ARRAY[n, 0, 1]::vector FROM generate_series(1, 200) n;
CREATE INDEX chunks_hnsw ON chunks USING hnsw (embedding vector_l2_ops);
CREATE TABLE chunks_open AS TABLE chunks;
CREATE VIEW chunk_view AS SELECT id, content, embedding FROM chunks WHERE content <> '';
RESET ROLE;
GRANT ALL ON chunks, chunks_open, chunk_view TO app;
SELECT ward.protect('chunks', label => NULL);
SELECT ward.mask('chunks', 'embedding', 'search_only(1)', 'secret');
ANALYZE chunks;
SET ward.allow_explain = on;
SET ROLE app;
SET ward.token = :'alice';
SET enable_seqscan = off;

-- Control arm: the unmasked twin shows vectors and exact distances.
SELECT id, embedding, embedding <-> '[50,0,1]' AS d FROM chunks_open ORDER BY embedding <-> '[50.3,0,1]' LIMIT 2;

-- Ordering works; reading gives NULL; the distance beside the ordering is rounded.
SELECT id, embedding FROM chunks ORDER BY embedding <-> '[50.33,0,1]' LIMIT 3;
SELECT id, embedding <-> '[50.33,0,1]' AS distance FROM chunks ORDER BY distance LIMIT 3;
SELECT id, embedding <-> '[50.33,0,1]' AS distance FROM chunks ORDER BY embedding <-> '[50.33,0,1]' LIMIT 3;
SELECT id, l2_distance(embedding, '[50.33,0,1]') AS distance FROM chunks ORDER BY embedding <-> '[50.33,0,1]' LIMIT 3;
SELECT *, 1 - (embedding <-> '[50.33,0,1]') AS score FROM chunks ORDER BY embedding <-> '[50.33,0,1]' ASC LIMIT 2;
SELECT count(*) FROM chunks WHERE embedding IS NOT NULL;
SELECT id FROM chunk_view ORDER BY embedding <-> '[50.33,0,1]' LIMIT 3;
SELECT id, embedding <-> '[50.33,0,1]' AS d FROM chunk_view ORDER BY d LIMIT 3;
SELECT s.id FROM (SELECT * FROM chunks WHERE id > 52) s ORDER BY s.embedding <-> '[50.33,0,1]' LIMIT 2;
SELECT c.id FROM chunks_open o, LATERAL (SELECT id FROM chunks ORDER BY embedding <-> o.embedding LIMIT 1) c WHERE o.id = 100;
PREPARE knn(vector) AS SELECT id FROM chunks ORDER BY embedding <-> $1 LIMIT 2;
EXECUTE knn('[10.4,0,1]');
SET plan_cache_mode = force_generic_plan;
EXECUTE knn('[20.4,0,1]');
RESET plan_cache_mode;
-- Index scan, as without the mask.
EXPLAIN (COSTS OFF) SELECT id, embedding <-> '[50.33,0,1]' AS d FROM chunk_view ORDER BY d LIMIT 3;

-- The shapes of langchain-postgres, LlamaIndex, Haystack and vecs.
SELECT e.id, e.embedding, e.content, e.embedding <-> '[9.4,0,1]'::vector AS distance
  FROM chunks e JOIN chunks_open c ON e.id = c.id WHERE c.tenant_id = 1 ORDER BY distance ASC LIMIT 2;
SELECT id, content, embedding, l2_distance(embedding, '[9.4,0,1]'::vector) as distance FROM chunks ORDER BY embedding <-> '[9.4,0,1]'::vector LIMIT 2;
BEGIN;
INSERT INTO chunks (id, content, embedding) VALUES (500, 'new', '[9.4,0,1]') ON CONFLICT (id) DO UPDATE SET content = excluded.content, embedding = excluded.embedding RETURNING id, embedding;
INSERT INTO chunks (id, content, embedding) VALUES (500, 'newer', '[9.5,0,1]') ON CONFLICT (id) DO UPDATE SET content = excluded.content, embedding = excluded.embedding RETURNING id, content, embedding;
UPDATE chunks SET embedding = '[9.6,0,1]' WHERE id = 500 RETURNING embedding;
SELECT id, embedding <-> '[9.6,0,1]' AS d FROM chunks ORDER BY d LIMIT 1;
UPDATE chunks SET content = 'x' WHERE id = 500 AND embedding IS NOT NULL RETURNING id;
ROLLBACK;

-- A given vector may come from a sub-select, and then only orders.
SELECT id FROM chunks ORDER BY embedding <-> (SELECT embedding FROM chunks_open WHERE id = 10) LIMIT 1;
-- Sub-selects beside scores keep the conditions of their own tables (alice sees 40 documents).
SELECT count(*) FROM docs;
SELECT id, (SELECT count(*) FROM docs) AS docs, embedding <-> '[50.33,0,1]' AS d FROM chunks ORDER BY d LIMIT 1;
SELECT id, (SELECT count(*) FROM docs d WHERE d.id > chunks.id - 1000) AS docs FROM chunks ORDER BY embedding <-> '[50.33,0,1]' LIMIT 1;
BEGIN;
UPDATE chunks SET content = content WHERE id = 2 RETURNING (SELECT count(*) FROM docs) AS docs, (SELECT count(*) FROM chunks) AS chunks;
ROLLBACK;

-- Everything else is an error, never arbitrary rows and never the vector.
SELECT statement, pg_temp.try(statement) FROM (VALUES
    ('SELECT embedding::text FROM chunks'),
    ('SELECT embedding::real[] FROM chunks'),
    ('SELECT embedding + ''[1,1,1]'' FROM chunks'),
    ('SELECT avg(embedding) FROM chunks'),
    ('SELECT count(embedding) FROM chunks'),
    ('SELECT subvector(embedding, 1, 1) FROM chunks'),
    ('SELECT vector_dims(embedding) FROM chunks'),
    ('SELECT embedding <-> ''[1,0,0]'' FROM chunks'),
    ('SELECT embedding <-> ''[1,0,0]'' FROM chunks ORDER BY id'),
    ('SELECT embedding <-> ''[1,0,0]'' FROM chunks ORDER BY embedding <-> ''[2,0,0]'''),
    ('SELECT embedding <=> ''[1,0,0]'' FROM chunks ORDER BY embedding <-> ''[1,0,0]'''),
    ('SELECT id FROM chunks WHERE embedding <-> ''[1,0,0]'' < 0.5'),
    ('SELECT id FROM chunks ORDER BY 1 - (embedding <-> ''[1,0,0]'') LIMIT 1'),
    ('SELECT id FROM chunks ORDER BY (embedding <-> ''[1,0,0]'') + 0 LIMIT 1'),
    ('SELECT id FROM chunks ORDER BY l2_distance(embedding, ''[1,0,0]'') LIMIT 1'),
    ('SELECT min(embedding <-> ''[1,0,0]'') FROM chunks'),
    ('SELECT id, min(embedding <-> ''[1,0,0]'') FROM chunks GROUP BY id ORDER BY 2'),
    ('SELECT DISTINCT embedding <-> ''[1,0,0]'' AS d FROM chunks ORDER BY d'),
    ('SELECT rank() OVER (ORDER BY embedding <-> ''[1,0,0]'') FROM chunks'),
    ('SELECT a.id FROM chunks a JOIN chunks b ON a.id < b.id ORDER BY a.embedding <-> b.embedding LIMIT 1'),
    ('SELECT id FROM chunks ORDER BY embedding LIMIT 1'),
    ('SELECT DISTINCT embedding FROM chunks'),
    ('SELECT embedding FROM chunks GROUP BY embedding'),
    ('SELECT id FROM chunks WHERE embedding = ''[1,0,1]'''),
    ('SELECT id FROM chunks WHERE embedding IN (''[1,0,1]'')'),
    ('SELECT CASE WHEN embedding < ''[1,0,1]'' THEN 1 END FROM chunks'),
    ('SELECT coalesce(embedding, ''[0,0,0]'') FROM chunks'),
    ('SELECT id FROM chunk_view WHERE embedding <-> ''[1,0,0]'' < 1'),
    ('SELECT d FROM (SELECT embedding <-> ''[1,0,0]'' AS d FROM chunks) s ORDER BY d'),
    ('WITH c AS MATERIALIZED (SELECT * FROM chunks) SELECT id FROM c ORDER BY embedding <-> ''[1,0,0]'' LIMIT 1'),
    ('SELECT id FROM (SELECT DISTINCT id, embedding FROM chunks) s'),
    ('SELECT id FROM (SELECT id, embedding FROM chunks UNION ALL SELECT id, embedding FROM chunks) s ORDER BY embedding <-> ''[1,0,0]'''),
    ('SELECT (SELECT embedding FROM chunks WHERE id = 2) <-> ''[1,0,0]'''),
    ('SELECT ARRAY(SELECT embedding FROM chunks)'),
    ('SELECT o.id FROM chunks_open o ORDER BY o.embedding <-> (SELECT embedding FROM chunks WHERE id = 2)'),
    ('SELECT o.id FROM chunks c, LATERAL (SELECT id FROM chunks_open ORDER BY embedding <-> c.embedding LIMIT 1) o'),
    ('SELECT s, s.id FROM (SELECT * FROM chunks) s ORDER BY s.embedding <-> ''[1,0,0]'' LIMIT 1'),
    ('SELECT embedding <-> (SELECT embedding FROM chunks_open WHERE id = 1) AS d FROM chunks ORDER BY d'),
    ('SELECT id FROM chunks c ORDER BY embedding <-> (SELECT embedding FROM chunks_open o WHERE o.id = c.id)'),
    ('UPDATE chunks SET meta = to_jsonb(embedding::text)'),
    ('UPDATE chunks_open o SET embedding = c.embedding FROM chunks c WHERE c.id = o.id AND o.id = 2'),
    ('UPDATE chunks SET embedding = NULL WHERE id = 2'),
    ('INSERT INTO chunks (id, content, embedding) VALUES (2, ''x'', NULL) ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding'),
    ('DELETE FROM chunks WHERE embedding <-> ''[1,0,0]'' < 0.5'),
    ('DELETE FROM chunks WHERE id = 2 RETURNING embedding <-> ''[1,0,0]''')
) AS t(statement);
SELECT c, to_jsonb(c) FROM chunks c WHERE id = 2;
COPY (SELECT * FROM chunks WHERE id = 2) TO STDOUT;
SELECT EXISTS (SELECT * FROM chunks), id FROM chunks WHERE id = 2;
