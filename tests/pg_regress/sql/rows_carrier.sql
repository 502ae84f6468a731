-- Protected values under keys of a jsonb column, for tables that bear no further column.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
CREATE TABLE haystack (id varchar(128) PRIMARY KEY, embedding vector(3), content text, meta jsonb);
INSERT INTO haystack SELECT n::text, ARRAY[n, n % 7, 1]::real[]::vector, 'body ' || n,
        jsonb_build_object('source', 'a.pdf', '_ward_tenant', (n % 3 + 1)::text)
    FROM generate_series(1, 60) n;
GRANT ALL ON haystack TO app;
RESET ROLE;

-- defining
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => 'meta->_ward_tenant', label => 'meta->_ward_label', acl => 'meta->_ward_acl')$$);
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => 'content->_ward_tenant', label => NULL)$$);
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => 'nothing->_ward_tenant', label => NULL)$$);
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => 'meta->', label => NULL)$$);
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => '->k', label => NULL)$$);
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => 'meta->k', label => 'meta->k')$$);
SELECT pg_temp.try($$SELECT ward.protect('haystack', tenant => 'meta->$$ || repeat('k', 80) || $$', label => NULL)$$);
SELECT ward.protect('haystack', tenant => 'meta->_ward_tenant', label => 'meta->_ward_label', options => '{"label_existing": "public"}');
SELECT tenant, label, options FROM ward.protections WHERE relation = 'haystack'::regclass;
SELECT policyname, qual, with_check FROM pg_policies WHERE tablename = 'haystack' ORDER BY 1;
SET ward.maintenance = 'look';
SELECT meta FROM haystack WHERE id = '1';
RESET ward.maintenance;

-- reading: nothing without a token; SELECT * has no further column
SET ROLE app;
SELECT pg_temp.try('SELECT * FROM haystack');
SET ward.token = :'alice';
SELECT count(*), min(meta->>'_ward_tenant'), max(meta->>'_ward_tenant') FROM haystack;
SELECT *, 1 - (embedding <=> '[3,3,1]') AS score FROM haystack WHERE meta->>'source' = 'a.pdf' ORDER BY embedding <=> '[3,3,1]' LIMIT 2;
SET ward.token = :'carol';
SELECT meta->>'_ward_tenant' AS tenant, count(*) FROM haystack GROUP BY 1 ORDER BY 1;
SET ward.token = :'dora';
SELECT pg_temp.try('SELECT * FROM haystack');

-- filling, by every form of INSERT
SET ward.token = :'alice';
\set show 'SELECT id, content, meta FROM haystack WHERE id LIKE ''w%'' ORDER BY id'
INSERT INTO haystack (id) VALUES ('w01');
INSERT INTO haystack (id, meta) VALUES ('w02', NULL), ('w03', '{}'), ('w04', '{"n": 1.50, "big": 12345678901234567890123, "_ward_tenant": null, "_ward_label": null}'), ('w05', DEFAULT);
INSERT INTO haystack (id, meta) SELECT 'w06', '{"_ward_tenant": "1", "_ward_label": "Public"}' RETURNING meta;
INSERT INTO haystack (id, meta) VALUES ('w07', '{"_ward_tenant": 1, "_ward_label": "CONFIDENTIAL { pii }"}');
INSERT INTO haystack (id, meta['source']) VALUES ('w08', '"b.pdf"');
MERGE INTO haystack h USING (VALUES ('w09')) v (id) ON h.id = v.id WHEN NOT MATCHED THEN INSERT (id, meta) VALUES (v.id, '{"m": true}');
COPY haystack (id, meta) FROM STDIN;
w10	{"c": 1}
w11	\N
\.
:show;
-- what may not be stored
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '[1]')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '"text"')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', 'null')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '{"_ward_tenant": "2"}')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '{"_ward_tenant": ["1"]}')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '{"_ward_label": "secret"}')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '{"_ward_label": "nonsense"}')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '{"_ward_label": 5}')$$);
-- a token of several tenants must name one
SET ward.token = :'carol';
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('x', '{}')$$);
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('w12', '{"_ward_tenant": "2"}')$$);

-- a document that replaces another keeps tenant and label
SET ward.token = :'alice';
UPDATE haystack SET meta = '{"source": "c.pdf"}' WHERE id = 'w07' RETURNING meta;
UPDATE haystack SET meta = NULL WHERE id = 'w07' RETURNING meta;
UPDATE haystack SET (content, meta) = (SELECT 'new', '{"a": 1}'::jsonb) WHERE id = 'w07' RETURNING content, meta;
UPDATE haystack SET meta['x']['y'] = '1', meta['z'] = '2' WHERE id = 'w07' RETURNING meta;
UPDATE haystack SET content = 'only this' WHERE id = 'w07' RETURNING meta;
UPDATE haystack SET meta = meta || '{"_ward_label": "confidential{pii}"}' WHERE id = 'w03' RETURNING meta;
SELECT pg_temp.try($$UPDATE haystack SET meta = '[]' WHERE id = 'w07'$$);
MERGE INTO haystack h USING (VALUES ('w07'), ('w13')) v (id) ON h.id = v.id
    WHEN MATCHED THEN UPDATE SET meta = '{"merged": true}'
    WHEN NOT MATCHED THEN INSERT (id, meta) VALUES (v.id, '{"merged": false}');
-- the upsert of frameworks: what was filled in raises nothing that was higher, and lowers nothing
INSERT INTO haystack AS h (id, content, meta) VALUES ('w07', 'up', '{"source": "d.pdf"}'), ('w06', 'up', '{"source": "d.pdf"}'), ('w14', 'up', '{}')
    ON CONFLICT (id) DO UPDATE SET content = excluded.content, meta = excluded.meta RETURNING id, meta;
:show;

-- owner
RESET ward.token;
RESET ROLE;
SELECT ward.protect('haystack', tenant => 'meta->_ward_tenant', label => 'meta->_ward_label', owner => 'meta->_ward_owner', options => '{"default_label": "public"}');
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO haystack (id, meta) VALUES ('o1', '{"mine": true}') RETURNING meta;
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('o2', '{"_ward_owner": "bob"}')$$);
SELECT pg_temp.try($$UPDATE haystack SET meta = meta || '{"_ward_owner": "bob"}'$$);
UPDATE haystack SET meta = '{}' RETURNING id, meta;
SET ward.token = :'anna';
SELECT id FROM haystack;
RESET ward.token;
RESET ROLE;
SELECT ward.protect('haystack', tenant => 'meta->_ward_tenant', label => 'meta->_ward_label');

-- indexes on the expression, partial and vector ones among them
SET ward.maintenance = 'test data';
INSERT INTO haystack SELECT 'm' || n, ARRAY[n, n % 7, 1]::real[]::vector, 'many ' || n,
        jsonb_build_object('_ward_tenant', (n % 500 + 1)::text, '_ward_label', 'public')
    FROM generate_series(1, 10000) n;
CREATE INDEX haystack_tenant ON haystack ((meta->>'_ward_tenant'));
ANALYZE haystack;
RESET ward.maintenance;
SET ward.allow_explain = on;
SET ward.token = :'bob';
EXPLAIN (COSTS OFF) SELECT content FROM haystack;
EXPLAIN (COSTS OFF) UPDATE haystack SET content = 'x' WHERE id = 'm1';
SET ward.token = '';
SET ward.maintenance = 'test data';
DROP INDEX haystack_tenant;
CREATE INDEX haystack_2 ON haystack (id) WHERE meta->>'_ward_tenant' = '2';
CREATE INDEX haystack_hnsw_1 ON haystack USING hnsw (embedding vector_l2_ops) WHERE meta->>'_ward_tenant' = '1';
RESET ward.maintenance;
SET ward.token = :'bob';
EXPLAIN (COSTS OFF) SELECT content FROM haystack ORDER BY id;
SET ward.token = :'alice';
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT content FROM haystack ORDER BY embedding <-> '[1,2,3]' LIMIT 3;
SELECT count(*) FROM (SELECT content FROM haystack ORDER BY embedding <-> '[1,2,3]' LIMIT 3) s;
RESET enable_seqscan;
SET ward.token = '';

-- rows whose label is missing, or is none, are nobody's
SET ward.maintenance = 'test data';
INSERT INTO haystack (id, meta) VALUES ('n1', NULL), ('n2', '[]'), ('n3', '{"_ward_tenant": "1"}'),
    ('n4', '{"_ward_tenant": "1", "_ward_label": "nonsense"}'), ('n5', '{"_ward_tenant": "1", "_ward_label": {"a": 1}}'),
    ('n6', '{"_ward_tenant": "1", "_ward_label": "public"}'), ('n7', '{"_ward_tenant": null, "_ward_label": "public"}');
RESET ward.maintenance;
SET ward.token = :'alice';
SELECT id FROM haystack WHERE id LIKE 'n%';
SELECT pg_temp.try($$UPDATE haystack SET content = 'x' WHERE id LIKE 'n%'$$);
-- what the catalog policies say of them, on paths that no plan takes
SELECT ward.may_read('haystack', '1'::text, 'public'::text), ward.may_read('haystack', '1'::text, 'nonsense'::text),
    ward.may_read('haystack', '2'::text, 'public'::text), ward.may_write('haystack', '1'::text, NULL::text);
SET ward.token = '';

-- custom categories are stored by number
SELECT ward.define_category('carried') >= 0 AS defined;
SET ward.token = :'alice';
SELECT pg_temp.try($$INSERT INTO haystack (id, meta) VALUES ('c1', '{"_ward_label": "public{carried}"}')$$);
SET ward.token = '';
SET ward.maintenance = 'test data';
INSERT INTO haystack (id, meta) VALUES ('c2', '{"_ward_tenant": "1", "_ward_label": "public{carried}"}');
RESET ward.maintenance;
SET ward.token = :'alice';
SELECT id FROM haystack WHERE id LIKE 'c%';
SET ward.token = '';
DELETE FROM ward_internal.category WHERE name = 'carried';

-- the column cannot be dropped, retyped or masked; it can be renamed
SELECT pg_temp.try('ALTER TABLE haystack DROP COLUMN meta');
SELECT pg_temp.try('ALTER TABLE haystack ALTER COLUMN meta TYPE json');
SELECT pg_temp.try($$SELECT ward.mask('haystack', 'meta', 'null')$$);
SELECT pg_temp.try($$SELECT ward.mask('haystack', 'meta->_ward_label', 'null')$$);
SELECT pg_temp.try($$SELECT ward.mask('haystack', 'content', 'null', options => '{"unless_owner": "meta"}')$$);
SELECT pg_temp.try($$SELECT ward.mask('haystack', 'content', 'null', options => '{"unless_owner": "meta->_ward_owner"}')$$);
SELECT pg_temp.try('ALTER TABLE haystack RENAME COLUMN meta TO metadata_of_an_unreasonable_length_for_a_key_to_fit');
ALTER TABLE haystack RENAME COLUMN meta TO metadata;
SELECT tenant, label FROM ward.protections WHERE relation = 'haystack'::regclass;
SET ward.token = :'alice';
SELECT count(*) FROM haystack WHERE id LIKE 'w%';
SET ward.token = '';
-- pseudonyms of masks belong to the tenant in the document
SET ward.maintenance = 'test data';
INSERT INTO haystack (id, content, metadata) VALUES ('h1', 'same', '{"_ward_tenant": "1", "_ward_label": "public"}'),
    ('h2', 'same', '{"_ward_tenant": "2", "_ward_label": "public"}'), ('h3', 'same', '{"_ward_tenant": "2", "_ward_label": "public"}');
RESET ward.maintenance;
SELECT ward.mask('haystack', 'content', 'hash');
SET ward.token = :'carol';
SELECT count(*), count(DISTINCT content) FROM haystack WHERE id LIKE 'h%';
SET ward.token = '';
SELECT ward.unmask('haystack', 'content', 'test');

-- a mask first
SET ROLE app_owner;
CREATE TABLE masked (id int, meta jsonb);
RESET ROLE;
SELECT ward.mask('masked', 'meta', 'null');
SELECT pg_temp.try($$SELECT ward.protect('masked', tenant => 'meta->t', label => NULL)$$);

-- a real column of exactly that name wins; one that comes later does not
SET ROLE app_owner;
CREATE TABLE arrows (id int, "meta->t" text, meta jsonb);
CREATE TABLE arrows_later (id int, meta jsonb);
INSERT INTO arrows VALUES (1, '1', '{"t": "2"}');
INSERT INTO arrows_later VALUES (1, '{"t": "2"}');
GRANT ALL ON arrows, arrows_later TO app;
RESET ROLE;
SELECT ward.protect('arrows', tenant => 'meta->t', label => NULL);
SELECT ward.protect('arrows_later', tenant => 'meta->t', label => NULL);
ALTER TABLE arrows_later ADD COLUMN "meta->t" text DEFAULT '1';
SET ward.token = :'alice';
SELECT * FROM arrows;
SELECT * FROM arrows_later;
SET ward.token = '';

-- missing columns are added; partitions and children are covered
SET ROLE app_owner;
CREATE TABLE parts (id int, kind int) PARTITION BY LIST (kind);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
GRANT ALL ON parts, parts_1 TO app;
RESET ROLE;
SELECT ward.protect('parts', tenant => 'meta->t', label => 'meta->l', options => '{"add_columns": true}');
\d parts
CREATE TABLE app.parts_2 (meta jsonb, filler int, kind int, id int);
ALTER TABLE app.parts_2 DROP COLUMN filler;
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES IN (2);
GRANT ALL ON parts_2 TO app;
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO parts (id, kind) VALUES (1, 1), (2, 2) RETURNING *;
INSERT INTO parts_2 (id, kind, meta) VALUES (3, 2, '{"a": 1}') RETURNING *;
UPDATE parts SET kind = 2, meta = '{"moved": true}' WHERE id = 1 RETURNING *;
SET ward.token = :'bob';
SELECT count(*) FROM parts;
SELECT count(*) FROM parts_2;
SET ward.token = '';
RESET ROLE;
ALTER TABLE parts DETACH PARTITION parts_2;
SELECT tenant, label, options FROM ward.protections WHERE relation = 'parts_2'::regclass;
SET ward.token = :'bob';
SELECT count(*) FROM parts_2;
SET ward.token = '';

SELECT ward.unmask('masked', 'meta', 'test');
SELECT ward.unprotect('haystack', 'test');
SELECT ward.unprotect('arrows', 'test');
SELECT ward.unprotect('arrows_later', 'test');
SELECT ward.unprotect('parts', 'test');
SELECT ward.unprotect('parts_2', 'test');
DROP TABLE haystack, masked, arrows, arrows_later, parts, parts_2;
