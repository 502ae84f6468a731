-- Declared derivation: document -> chunk -> embedding, however rows are written.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE papers (id int PRIMARY KEY, tenant_id int, label ward.label, title text);
CREATE TABLE parts (id int PRIMARY KEY, paper_id bigint, body text);
CREATE TABLE vectors (part_id int, model text, embedding vector(2), tenant_id int, label ward.label, PRIMARY KEY (part_id, model));
INSERT INTO papers VALUES (1, 1, 'public', 'one'), (2, 1, 'internal', 'two'), (3, 1, 'confidential{pii}', 'three'), (4, 2, 'internal', 'four'), (5, 1, NULL, 'unlabelled');
INSERT INTO parts SELECT n, (n - 1) / 2 + 1, 'part ' || n FROM generate_series(1, 10) n;
INSERT INTO vectors SELECT n, 'small', ARRAY[n, 1]::real[]::vector FROM generate_series(1, 10) n;
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON papers, parts, vectors TO app;

-- What is refused at definition.
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id}'', ''{id}'')');
SELECT ward.protect('papers');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id}'', ''{id}'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id}'', ''{title}'', options => ''{"add_columns": true}'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{body}'', ''{id}'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{nope}'', ''{id}'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id,id}'', ''{id}'')');
SELECT pg_temp.try('SELECT ward.derive(''papers'', ''papers'', ''{id}'', ''{id}'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id}'', ''{id}'', ''keep'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id}'', ''{id}'', options => ''{"ad_columns": true}'')');
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper_id}'', ''{id}'', options => ''{"existing": "never"}'')');

-- Existing rows follow at once, through both levels.
SELECT ward.derive('parts', 'papers', '{paper_id}', '{id}', options => '{"add_columns": true}');
SELECT ward.derive('vectors', parent => 'parts', child_key => '{part_id}', parent_key => '{id}');
SELECT pg_temp.try('SELECT ward.derive(''papers'', ''vectors'', ''{id}'', ''{part_id}'')');
SELECT child, parent, child_key, parent_key, recorded, on_delete, pending FROM ward.derivations ORDER BY child;
SET ward.maintenance = 'look';
SELECT p.id, p.tenant_id, p.label, v.tenant_id AS vector_tenant, v.label AS vector_label FROM parts p JOIN vectors v ON part_id = p.id ORDER BY 1;
RESET ward.maintenance;
\d parts

-- Applications write as before.
SET ROLE app;
SET ward.token = :'alice';

INSERT INTO parts (id, paper_id, body) VALUES (11, 3, 'named no label') RETURNING tenant_id, label;
INSERT INTO parts (id, paper_id, body, label) VALUES (12, 3, 'named a lower label', 'public') RETURNING tenant_id, label;
INSERT INTO parts (id, paper_id, body, label) VALUES (13, 1, 'named a higher label', 'confidential') RETURNING tenant_id, label;
INSERT INTO parts (id, paper_id, body, label, tenant_id) VALUES (14, 2, 'NULLs', NULL, NULL) RETURNING tenant_id, label;
INSERT INTO parts (id, body) VALUES (15, 'without source') RETURNING tenant_id, label;
COPY parts (id, paper_id, body) FROM STDIN;
16	3	copied
17	2	copied
\.
INSERT INTO parts SELECT n, 3, 'selected' FROM generate_series(20, 22) n RETURNING id, label;
INSERT INTO parts (id, paper_id, body) VALUES (20, 3, 'again') ON CONFLICT (id) DO UPDATE SET body = excluded.body, paper_id = excluded.paper_id RETURNING label;
MERGE INTO parts p USING (VALUES (20, 2), (30, 3)) v(id, paper) ON p.id = v.id
    WHEN MATCHED THEN UPDATE SET body = 'merged' WHEN NOT MATCHED THEN INSERT (id, paper_id, body) VALUES (v.id, v.paper, 'merged');
SELECT id, paper_id, tenant_id, label FROM parts WHERE id > 10 ORDER BY id;
INSERT INTO vectors (part_id, model) VALUES (11, 'large'), (13, 'large') RETURNING label;

-- A change of the key takes the higher of both; a raise follows through both levels in the same transaction.
UPDATE parts SET paper_id = 1 WHERE id = 16 RETURNING label;
UPDATE parts SET paper_id = 3 WHERE id = 17 RETURNING label;
BEGIN;
UPDATE papers SET label = 'confidential' WHERE id = 1;
SELECT p.id, p.label, v.label AS vector FROM parts p LEFT JOIN vectors v ON v.part_id = p.id WHERE paper_id = 1 ORDER BY 1;
SAVEPOINT s;
UPDATE papers SET label = 'confidential{pii}' WHERE id = 1;
SELECT p.id, p.label, v.label AS vector FROM parts p LEFT JOIN vectors v ON v.part_id = p.id WHERE paper_id = 1 ORDER BY 1;
INSERT INTO parts (id, paper_id) VALUES (40, 1) RETURNING label;
ROLLBACK TO s;
SELECT p.id, p.label, v.label AS vector FROM parts p LEFT JOIN vectors v ON v.part_id = p.id WHERE paper_id = 1 ORDER BY 1;
INSERT INTO parts (id, paper_id) VALUES (40, 1) RETURNING label;
COMMIT;

-- A deleted source takes everything with it.
SELECT count(*) FROM vectors WHERE part_id IN (3, 4);
DELETE FROM papers WHERE id = 2;
SELECT count(*) FROM vectors WHERE part_id IN (3, 4);
SELECT count(*) FROM parts WHERE paper_id = 2;
RESET ward.token;
RESET ROLE;
SET ward.maintenance = 'look';
SELECT count(*) FROM vectors WHERE part_id IN (3, 4);
SELECT pg_temp.try('SELECT ward.underive(''parts'', ''papers'', '''')'), pg_temp.try('SELECT ward.underive(''papers'', ''parts'', ''x'')'), pg_temp.try('SELECT ward.unprotect(''parts'', ''x'')');
-- In maintenance as well.
UPDATE papers SET label = 'secret' WHERE id = 4;
SELECT id, tenant_id, label FROM parts WHERE paper_id = 4;
INSERT INTO parts VALUES (50, 4, 'x', NULL, 'public');
SELECT id, tenant_id, label FROM parts WHERE id = 50;
UPDATE papers SET label = 'internal' WHERE id = 5;
SELECT id, label FROM parts WHERE paper_id = 5;
UPDATE papers SET tenant_id = 3 WHERE id = 5;
SELECT p.id, p.tenant_id, v.tenant_id FROM parts p JOIN vectors v ON part_id = p.id WHERE paper_id = 5;
RESET ward.maintenance;
SELECT ward.underive('vectors', 'parts', 'test'), ward.underive('parts', 'papers', 'test');
SELECT tgname FROM pg_trigger WHERE tgrelid IN ('papers'::regclass, 'parts'::regclass, 'vectors'::regclass) AND NOT tgisinternal;
DROP TABLE papers, parts, vectors;
SELECT count(*) FROM ward.derivations;
