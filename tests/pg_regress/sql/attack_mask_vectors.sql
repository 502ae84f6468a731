-- search_only: neither a vector nor an exact distance comes out.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE secrets (id int PRIMARY KEY, tenant_id int, body text, embedding vector(3), half halfvec(3), sparse sparsevec(3));
INSERT INTO secrets SELECT n, 1, 'text ' || n, format('[0.123456,0.%s,1]', n)::vector, format('[0.123456,0.%s,1]', n)::halfvec, format('{1:0.123456,2:0.%s}/3', n)::sparsevec
    FROM generate_series(1, 9) n;
CREATE TABLE secrets_open AS TABLE secrets;
CREATE VIEW secret_view AS SELECT * FROM secrets;
RESET ROLE;
GRANT ALL ON secrets, secrets_open, secret_view TO app;
SELECT ward.protect('secrets', label => NULL);
SELECT ward.mask('secrets', 'embedding', 'search_only', 'secret'), ward.mask('secrets', 'half', 'search_only(1)', 'secret'), ward.mask('secrets', 'sparse', 'search_only', 'secret');
SET ROLE app;
SET ward.token = :'anna';
-- volatile, though it says otherwise: long when the distance is computed, short when it is rounded
CREATE TEMP SEQUENCE calls;
CREATE FUNCTION pg_temp.moody() RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN CASE nextval('calls') % 2 WHEN 1 THEN '[1000000,0,0]' ELSE '[1,0,0]' END; END$$;

-- Control arm: a long vector shows the digits of the stored one as an inner product.
SELECT round(embedding <#> '[1000000,0,0]') AS d FROM secrets_open ORDER BY d LIMIT 1;

SELECT embedding <#> '[1000000,0,0]' AS d FROM secrets ORDER BY d LIMIT 1;
SELECT embedding <#> '[1,0,0]' AS d, (embedding <#> '[1,0,0]') * -1000000 AS more FROM secrets ORDER BY embedding <#> '[1,0,0]' LIMIT 1;
SELECT vector_negative_inner_product(embedding, '[1000000,0,0]') AS d FROM secrets ORDER BY embedding <#> '[1000000,0,0]' LIMIT 1;
SELECT half <#> '[10000,0,0]' AS d FROM secrets ORDER BY d LIMIT 1;
SELECT sparse <#> '{1:1000000}/3' AS d FROM secrets ORDER BY d LIMIT 1;
SELECT embedding <#> '[1e30,0,0]' AS d FROM secrets ORDER BY d LIMIT 1;
SELECT embedding <#> '[0.6,0.8,0]' AS d FROM secrets ORDER BY d LIMIT 2;
SELECT embedding <-> '[1000,0,0]' AS l2, embedding <+> '[1000,0,0]' AS l1, embedding <=> '[1000,0,0]' AS cosine
    FROM secrets ORDER BY embedding <-> '[1000,0,0]', embedding <+> '[1000,0,0]', embedding <=> '[1000,0,0]' LIMIT 1;
PREPARE probe (vector) AS SELECT embedding <#> $1 AS d FROM secrets ORDER BY d LIMIT 1;
EXECUTE probe ('[1000000,0,0]');
SET plan_cache_mode = force_generic_plan;
EXECUTE probe ('[0,0,1000000]');
RESET plan_cache_mode;
SELECT o.id, s.d FROM (VALUES (1, '[100000,0,0]'::vector), (2, '[0,100000,0]')) o (id, probe), LATERAL (SELECT embedding <#> o.probe AS d FROM secrets ORDER BY d LIMIT 1) s;

-- Ordered by the exact distance, of which no statement gets hold.
SELECT row_number() OVER () AS place, s.* FROM (SELECT id, embedding FROM secrets ORDER BY embedding <-> '[0,0.52,1]' LIMIT 2) s;
SELECT s FROM (SELECT v.* FROM secret_view v ORDER BY v.embedding <-> '[0,0.52,1]' LIMIT 1) s;
SELECT to_jsonb(s) FROM (SELECT id, embedding <-> '[0,0.52,1]' AS d FROM secrets ORDER BY d LIMIT 1) s;
SELECT json_agg(s) FROM (SELECT t.*, t.id AS again FROM (SELECT id, embedding, embedding IS NULL AS no FROM secrets) t ORDER BY t.embedding <-> '[0,0.52,1]' LIMIT 1) s;
SELECT j FROM ((SELECT id, embedding FROM secrets) s JOIN (SELECT id FROM secrets_open) o USING (id)) j ORDER BY j.embedding <-> '[0,0.52,1]' LIMIT 1;
SELECT ARRAY(SELECT embedding <-> '[0,0.52,1]' AS d FROM secrets ORDER BY d LIMIT 2);
SELECT s.id FROM (SELECT id, embedding FROM secrets ORDER BY body || '!' LIMIT 3) s ORDER BY s.embedding <-> '[0,0.52,1]';
SELECT o.id, s.id FROM secrets_open o LEFT JOIN (SELECT * FROM secrets WHERE id = 3) s USING (id) ORDER BY s.embedding <-> '[0,0,0]' LIMIT 2;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT s, s.id FROM secrets s ORDER BY embedding <-> '[0,0.52,1]';
FETCH ABSOLUTE 2 FROM c;
DECLARE d CURSOR FOR SELECT id FROM secrets ORDER BY embedding <-> '[0,0.52,1]' FOR UPDATE;
FETCH 2 FROM d;
UPDATE secrets SET body = 'second' WHERE CURRENT OF d RETURNING secrets;
INSERT INTO secrets (id, embedding) SELECT s.id + 100, s.embedding FROM (SELECT * FROM secrets) s ORDER BY s.embedding <-> '[0,0.52,1]' LIMIT 1 RETURNING id, embedding;
ROLLBACK;

SELECT statement, pg_temp.try(statement) FROM (VALUES
    ('SELECT embedding <#> pg_temp.moody() AS d FROM secrets ORDER BY d'),
    ('SELECT embedding <#> pg_temp.moody() FROM secrets ORDER BY embedding <#> pg_temp.moody()'),
    ('SELECT embedding <#> (ARRAY[1000000 * random(), 0, 0])::vector AS d FROM secrets ORDER BY d'),
    ('SELECT id FROM secrets ORDER BY embedding <#> pg_temp.moody()'),
    ('SELECT s FROM (SELECT * FROM secrets) s ORDER BY s.embedding <-> ''[1,0,0]'''),
    ('SELECT to_jsonb(v) FROM secret_view v ORDER BY v.embedding <-> ''[1,0,0]'''),
    ('SELECT s.id FROM (SELECT * FROM secrets) s, LATERAL (SELECT s) t ORDER BY s.embedding <-> ''[1,0,0]'''),
    ('SELECT id FROM secrets s ORDER BY (SELECT s.embedding <-> ''[1,0,0]'')'),
    ('SELECT DISTINCT ON (embedding <-> ''[1,0,0]'') id FROM secrets ORDER BY embedding <-> ''[1,0,0]'''),
    ('SELECT row_number() OVER (ORDER BY embedding <-> ''[1,0,0]'') FROM secrets'),
    ('SELECT array_agg(id ORDER BY embedding <-> ''[1,0,0]'') FROM secrets'),
    ('SELECT id FROM secrets ORDER BY embedding <-> body::vector'),
    ('SELECT id FROM secrets ORDER BY inner_product(embedding, ''[1,0,0]'')'),
    ('SELECT inner_product(embedding, ''[1,0,0]'') FROM secrets ORDER BY embedding <#> ''[1,0,0]'''),
    ('SELECT embedding <#> ''[2,0,0]'' FROM secrets ORDER BY embedding <#> ''[1,0,0]'''),
    ('SELECT d FROM (SELECT embedding <-> ''[1,0,0]'' AS d, id FROM secrets) s ORDER BY id'),
    ('SELECT id FROM secrets WHERE embedding <-> ''[1,0,0]'' < 1 ORDER BY embedding <-> ''[1,0,0]'''),
    ('UPDATE secrets SET body = (embedding <-> ''[1,0,0]'')::text'),
    ('INSERT INTO secrets (id, tenant_id) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET body = ''x'' WHERE secrets.embedding <-> ''[1,0,0]'' < 1'),
    ('MERGE INTO secrets s USING secrets_open o ON s.id = o.id WHEN MATCHED AND s.embedding <-> ''[1,0,0]'' < 1 THEN DELETE'),
    ('UPDATE secrets SET (body, embedding) = (SELECT ''x'', NULL::vector)'),
    ('DELETE FROM secrets WHERE id = 1 RETURNING embedding <-> ''[1,0,0]''')
) AS t (statement);
RESET ward.token;
RESET ROLE;
DROP TABLE secrets, secrets_open CASCADE;
