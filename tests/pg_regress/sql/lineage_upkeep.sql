-- Backfill in batches, ward.doctor(), and changes of definition.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE papers (id int, rev int, tenant_id int, label ward.label, PRIMARY KEY (id, rev));
CREATE TABLE parts (id int PRIMARY KEY, paper int, rev int, tenant_id int, label ward.label, filler text DEFAULT repeat('x', 500), embedding vector(2));
CREATE TABLE linked (id int PRIMARY KEY, paper int, rev int, FOREIGN KEY (paper, rev) REFERENCES papers ON DELETE CASCADE);
CREATE TABLE nulled (id int PRIMARY KEY, paper int, rev int, tenant_id int, label ward.label, FOREIGN KEY (paper, rev) REFERENCES papers ON DELETE SET NULL);
INSERT INTO papers SELECT n, 1, n % 2 + 1, CASE n % 3 WHEN 0 THEN 'public' WHEN 1 THEN 'internal' ELSE 'confidential' END::ward.label FROM generate_series(1, 20) n;
INSERT INTO parts SELECT n, n % 20 + 1, 1, NULL, CASE n % 2 WHEN 0 THEN 'public' END::ward.label FROM generate_series(1, 2000) n;
INSERT INTO parts VALUES (5000, 99, 1), (5001, NULL, 1), (5002, 99, NULL);
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON papers, parts, linked, nulled TO app;
CREATE MATERIALIZED VIEW app.digest AS SELECT count(*) FROM papers;
SELECT ward.protect('papers'), ward.protect('nulled');
SELECT severity, relation, finding, cure FROM ward.doctor() WHERE relation::text ~ '^(papers|parts|linked|nulled|digest)$';

-- Existing rows that name no source.
SELECT pg_temp.try('SELECT ward.derive(''parts'', ''papers'', ''{paper,rev}'', ''{id,rev}'')');
SELECT pg_temp.try('SELECT ward.derive(''nulled'', ''papers'', ''{paper,rev}'', ''{id,rev}'')'), pg_temp.try('SELECT ward.derive(''linked'', ''papers'', ''{paper,rev}'', ''{id,rev}'', ''refuse'', ''{"add_columns": true}'')');
BEGIN;
SELECT ward.derive('parts', 'papers', '{paper,rev}', '{id,rev}', options => '{"orphans": "delete"}');
SET LOCAL ward.maintenance = 'look';
SELECT id, label FROM parts WHERE id >= 5000 ORDER BY id;
ROLLBACK;

-- Later, in batches: what is new is right at once.
SELECT ward.derive('parts', 'papers', '{paper,rev}', '{id,rev}', options => '{"existing": "later", "orphans": "quarantine"}');
SELECT child, pending, percent_done FROM ward.derivations;
SELECT severity, relation, finding, cure FROM ward.doctor() WHERE relation = 'parts'::regclass;
SET ward.maintenance = 'look';
INSERT INTO parts VALUES (6000, 3, 1, NULL, 'public') RETURNING tenant_id, label;
UPDATE papers SET label = 'secret' WHERE id = 20;
SELECT count(*) FROM parts p JOIN papers s ON (s.id, s.rev) = (p.paper, p.rev) WHERE p.label @> s.label;
RESET ward.maintenance;
SELECT pg_temp.try('SELECT ward.backfill_step(''parts'', 0)'), pg_temp.try('SELECT ward.backfill_step(''papers'', 1)');
SELECT ward.backfill_step('parts', 10);
SELECT child, pending, percent_done > 0 AS begun FROM ward.derivations;
SET SESSION AUTHORIZATION app;
SELECT pg_temp.try('CALL ward.backfill(''parts'')'), pg_temp.try('SELECT ward.backfill_step(''parts'', 1)'), pg_temp.try('SELECT * FROM ward.doctor()');
RESET SESSION AUTHORIZATION;
CALL ward.backfill('parts', 7);
SELECT child, pending, percent_done FROM ward.derivations;
SELECT ward.backfill_step('parts', 10);
SET ward.maintenance = 'look';
SELECT count(*), count(*) FILTER (WHERE NOT p.label @> s.label OR p.label IS NULL OR p.tenant_id <> s.tenant_id) AS low FROM parts p JOIN papers s ON (s.id, s.rev) = (p.paper, p.rev);
SELECT id, tenant_id, label FROM parts WHERE id >= 5000 ORDER BY id;
RESET ward.maintenance;

-- Columns that derivations use: renamed, they go on; they are neither dropped nor given another type.
ALTER TABLE parts RENAME COLUMN paper TO paper_id;
ALTER TABLE papers RENAME COLUMN rev TO revision;
SELECT child, parent, child_key, parent_key FROM ward.derivations;
SELECT pg_temp.try('ALTER TABLE parts DROP COLUMN rev'), pg_temp.try('ALTER TABLE papers ALTER id TYPE bigint');
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO parts (id, paper_id, rev) VALUES (7000, 2, 1) RETURNING label;
SELECT pg_temp.try('INSERT INTO parts (id, paper_id, rev) VALUES (7001, 2, 2)');
RESET ward.token;
RESET ROLE;
ALTER TABLE parts DISABLE TRIGGER "~ward_derive";
CREATE INDEX ON parts (paper_id, rev);
SELECT severity, relation, finding, cure FROM ward.doctor() WHERE relation = 'parts'::regclass;
ALTER TABLE parts ENABLE ALWAYS TRIGGER "~ward_derive";
SELECT severity, relation, finding, cure FROM ward.doctor() WHERE relation = 'parts'::regclass;
-- A cascading foreign key and a derivation agree.
SELECT ward.derive('linked', 'papers', '{paper,rev}', '{id,revision}', options => '{"add_columns": true}');
SET ward.maintenance = 'look';
INSERT INTO linked VALUES (1, 3, 1), (2, 5, 1) RETURNING tenant_id, label;
DELETE FROM papers WHERE id = 3;
SELECT id FROM linked UNION ALL SELECT count(*) FROM parts WHERE paper_id = 3;
RESET ward.maintenance;
-- A source is not dropped under what was made from it, nor a part of it that has rows.
SELECT pg_temp.try('DROP TABLE papers CASCADE');
CREATE TABLE wide (id int PRIMARY KEY, tenant_id int, label ward.label) PARTITION BY RANGE (id);
CREATE TABLE wide_1 PARTITION OF wide FOR VALUES FROM (1) TO (10);
CREATE TABLE wide_2 PARTITION OF wide FOR VALUES FROM (10) TO (20);
CREATE TABLE made (id int, wide_id int, tenant_id int, label ward.label) PARTITION BY RANGE (id);
CREATE TABLE noted (id int PRIMARY KEY, tenant_id int, label ward.label);
CREATE TABLE made_2 (id int, wide_id int, tenant_id int, label ward.label);
SELECT ward.protect('wide'), ward.protect('noted');
SELECT ward.derive('made', 'wide', '{wide_id}', '{id}'), ward.derive('noted', 'wide');
SET ward.maintenance = 'look';
INSERT INTO wide VALUES (1, 1, 'secret'), (11, 1, 'public');
INSERT INTO noted VALUES (1, 1, 'public');
SELECT ward.record_lineage('noted', '{"id": 1}', '[{"relation": "wide", "key": {"id": 11}}]');
INSERT INTO made_2 VALUES (12, 1, NULL, 'public'), (13, 11, 1, 'public');
ALTER TABLE made ATTACH PARTITION made_2 FOR VALUES FROM (10) TO (20);
SELECT * FROM made ORDER BY id;
CREATE TABLE made_3 AS SELECT 30 AS id, 99 AS wide_id, 1 AS tenant_id, 'public'::ward.label AS label;
SELECT pg_temp.try('ALTER TABLE made ATTACH PARTITION made_3 FOR VALUES FROM (30) TO (40)');
SELECT pg_temp.try('ALTER TABLE wide DETACH PARTITION wide_1'), pg_temp.try('DROP TABLE wide_1');
CREATE SCHEMA gone;
CREATE TABLE gone.source (id int PRIMARY KEY, tenant_id int, label ward.label) PARTITION BY RANGE (id);
CREATE TABLE gone.part PARTITION OF gone.source FOR VALUES FROM (1) TO (10);
CREATE TABLE gone.child (id int, source_id int, tenant_id int, label ward.label);
SELECT ward.protect('gone.source'), ward.derive('gone.child', 'gone.source', '{source_id}', '{id}');
INSERT INTO gone.source VALUES (1, 1, 'public');
INSERT INTO gone.child VALUES (1, 1);
DROP SCHEMA gone CASCADE;
TRUNCATE wide_1;
SELECT 'made' AS what, id FROM made UNION ALL SELECT 'noted', id FROM noted ORDER BY 1, 2;
ALTER TABLE wide DETACH PARTITION wide_1;
RESET ward.maintenance;
TRUNCATE wide;
DROP TABLE wide, wide_1, made, made_3, noted;
DROP TABLE papers, parts, linked, nulled CASCADE;
SELECT count(*) FROM ward.derivations;
