-- Declassifying, quarantine and release; recorded lineage, citations; what a deletion leaves.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE papers (id int PRIMARY KEY, tenant_id int, label ward.label);
CREATE TABLE parts (id int PRIMARY KEY, paper_id int, other_id int, tenant_id int, label ward.label);
CREATE TABLE answers (id int PRIMARY KEY, tenant_id int, label ward.label, body text);
CREATE TABLE copies (paper_id int PRIMARY KEY, tenant_id int, label ward.label);
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON papers, parts, answers, copies TO app;
SELECT ward.protect('papers'), ward.protect('answers', options => '{"default_label": "public"}');
SELECT ward.derive('parts', 'papers', '{paper_id}', '{id}');
SELECT ward.derive('parts', 'papers', '{other_id}', '{id}', 'quarantine');
SELECT ward.derive('copies', 'papers', '{paper_id}', '{id}', 'refuse');
SELECT ward.derive('answers', 'parts', on_delete => 'quarantine');
SET ward.maintenance = 'fill';
INSERT INTO papers SELECT n, 1, 'confidential{pii}' FROM generate_series(1, 6) n;
INSERT INTO parts VALUES (10, 1, NULL, NULL, NULL), (11, 1, NULL, NULL, 'confidential{pii,hr}'), (12, 1, 2, NULL, NULL), (20, 2, NULL, NULL, NULL), (30, 3, NULL, NULL, NULL);
RESET ward.maintenance;

-- An answer is recorded as made from parts.
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO answers (id, body) VALUES (1, 'made of 10 and 30'), (2, 'made of 20'), (3, 'made of nothing') RETURNING label;
SELECT ward.record_lineage('answers', '{"id": 1}', '[{"relation": "parts", "key": {"id": 10}}, {"relation": "app.parts", "key": {"id": 30}}]');
SELECT ward.record_lineage('answers', '{"id": 2}', '[{"relation": "parts", "key": {"id": 20}}]');
SELECT ward.record_lineage('answers', '{"id": 2}', '[{"relation": "parts", "key": {"id": "20"}}]');
SELECT id, label FROM answers ORDER BY id;
SELECT pg_temp.try('SELECT ward.record_lineage(''answers'', ''{"id": 3}'', ''[{"relation": "parts", "key": {"id": 11}}]'')');
SELECT pg_temp.try('SELECT ward.record_lineage(''answers'', ''{"id": 3}'', ''[{"relation": "papers", "key": {"id": 1}}]'')');
SELECT pg_temp.try('SELECT ward.record_lineage(''answers'', ''{"id": 9}'', ''[{"relation": "parts", "key": {"id": 10}}]'')');
SELECT pg_temp.try('SELECT ward.record_lineage(''answers'', ''{"body": 9}'', ''[]'')');
SELECT pg_temp.try('SELECT ward.record_lineage(''answers'', ''{"id": 3}'', ''{}'')');
SELECT pg_temp.try('SELECT ward.record_lineage(''answers'', ''{"id": 3}'', ''[{"relation": "nowhere", "key": {"id": 10}}]'')');
SELECT pg_temp.try('SELECT ward.record_lineage(''parts'', ''{"id": 10}'', ''[]'')');
-- Both ways.
SELECT * FROM ward.lineage('papers', '{"id": 1}');
SELECT * FROM ward.lineage('answers', '{"id": 1}', 'sources');
SELECT pg_temp.try('SELECT * FROM ward.lineage(''answers'', ''{"id": 1}'', ''sideways'')'), pg_temp.try('SELECT * FROM ward.lineage');
SELECT ward.filter_citations('[{"relation": "parts", "key": {"id": 10}, "title": "kept"}, {"relation": "parts", "key": {"id": 11}}, {"relation": "parts", "key": {"id": 999}},
    {"relation": "nowhere", "key": {"id": 1}}, {"relation": "parts", "key": {"label": "public"}}, {"relation": "parts", "key": {"id": "zz"}}, {"relation": "not a \" name", "key": {"id": 1}}, {"relation": "parts", "key": {"nope": 1}}, {"relation": "ward_internal.mask_key", "key": {"id": 1}}, 7]');
SELECT pg_temp.try('SELECT ward.filter_citations(''{}'')');
-- A raised document raises its answer; anna, of the same tenant, does not see what it was made from.
UPDATE papers SET label = 'confidential{pii}' WHERE id = 3;
SET ward.token = :'anna';
SELECT count(*) FROM ward.lineage('papers', '{"id": 1}');
SELECT ward.filter_citations('[{"relation": "parts", "key": {"id": 10}}]');
SELECT pg_temp.try('SELECT ward.declassify(''papers'', ''{"id": 1}'', ''public'', ''x'')'), pg_temp.try('SELECT ward.quarantine(''papers'', ''{"id": 1}'', ''x'')');
RESET ward.token;
SELECT pg_temp.try('SELECT ward.declassify(''papers'', ''{"id": 1}'', ''public'', ''x'')');
SELECT pg_temp.try('SELECT ward.filter_citations(''[]'')');
RESET ROLE;

-- Lowering a source by UPDATE lowers nothing else, not even in maintenance.
SET ward.maintenance = 'look';
BEGIN;
UPDATE papers SET label = 'public' WHERE id = 1;
SELECT 'paper' AS what, id, label FROM papers WHERE id = 1 UNION ALL SELECT 'part', id, label FROM parts UNION ALL SELECT 'answer', id, label FROM answers ORDER BY 1, 2;
ROLLBACK;
RESET ward.maintenance;
-- declassify does, as far as nothing else holds them up.
SELECT pg_temp.try('SELECT ward.declassify(''papers'', ''{"id": 1}'', ''public'', '' '')'), pg_temp.try('SELECT ward.declassify(''papers'', ''{"id": 1}'', ''secret'', ''x'')'),
    pg_temp.try('SELECT ward.declassify(''papers'', ''{"id": 99}'', ''public'', ''x'')'), pg_temp.try('SELECT ward.declassify(''papers'', ''{"tenant_id": 1}'', ''public'', ''x'')'),
    pg_temp.try('SELECT ward.declassify(''papers'', ''{"nope": 1}'', ''public'', ''x'')'), pg_temp.try('SELECT ward.declassify(''parts'', ''{"id": 10}'', ''public'', ''x'')');
SELECT ward.declassify('papers', '{"id": 1}', 'internal', 'published in part');
SET ward.maintenance = 'look';
SELECT 'paper' AS what, id, label FROM papers WHERE id = 1 UNION ALL SELECT 'part', id, label FROM parts UNION ALL SELECT 'answer', id, label FROM answers ORDER BY 1, 2;
RESET ward.maintenance;
SELECT ward.declassify('papers', '{"id": 3}', 'public', 'published'), ward.declassify('papers', '{"id": 2}', 'public', 'published');
SET ward.maintenance = 'look';
SELECT 'part' AS what, id, label FROM parts UNION ALL SELECT 'answer', id, label FROM answers ORDER BY 1, 2;
RESET ward.maintenance;

-- Un-poisoning: everything from paper 3 is hidden at once; what else is in quarantine stays there.
SELECT ward.quarantine('papers', '{"id": 3}', 'poisoned'), ward.quarantine('parts', '{"id": 30}', 'poisoned itself');
SELECT relation, key, reason FROM ward.quarantined ORDER BY 1, 2;
SET ward.token = :'alice';
SELECT count(*) FROM papers WHERE id = 3 UNION ALL SELECT count(*) FROM parts WHERE id = 30 UNION ALL SELECT count(*) FROM answers WHERE id = 1;
SELECT pg_temp.try('INSERT INTO parts (id, paper_id) VALUES (31, 3)'), pg_temp.try('INSERT INTO answers (id, label) VALUES (4, ''public{quarantine}'')');
RESET ward.token;
SELECT pg_temp.try('SELECT ward.release(''parts'', ''{"id": 30}'', ''x'')');
SELECT ward.release('papers', '{"id": 3}', 'was not');
SET ward.maintenance = 'look';
SELECT 'paper' AS what, id, label FROM papers WHERE id = 3 UNION ALL SELECT 'part', id, label FROM parts WHERE id = 30 UNION ALL SELECT 'answer', id, label FROM answers WHERE id = 1 ORDER BY 1, 2;
RESET ward.maintenance;
SELECT ward.release('parts', '{"id": 30}', 'was not');
SELECT pg_temp.try('SELECT ward.release(''parts'', ''{"id": 30}'', ''again'')');
SET ward.maintenance = 'look';
SELECT 'part' AS what, id, label FROM parts WHERE id = 30 UNION ALL SELECT 'answer', id, label FROM answers WHERE id = 1 ORDER BY 1, 2;

-- Deletion: paper 2 is named by part 12 as its other source, and hides it; part 20 goes, and hides answer 2.
INSERT INTO copies VALUES (4);
SELECT pg_temp.try('DELETE FROM papers WHERE id = 4'), pg_temp.try('UPDATE papers SET id = 44 WHERE id = 4'), pg_temp.try('UPDATE papers SET id = 55 WHERE id = 5');
DELETE FROM papers WHERE id = 2;
SELECT 'part' AS what, id, label FROM parts UNION ALL SELECT 'answer', id, label FROM answers ORDER BY 1, 2;
SELECT pg_temp.try('SELECT ward.release(''parts'', ''{"id": 12}'', ''x'')');
-- Records go with their outputs: to another key, and away.
UPDATE answers SET id = 22 WHERE id = 2;
UPDATE answers SET id = 10 + id WHERE id < 10;
SELECT output, output_key, source, source_key, recorded_by FROM ward.lineage ORDER BY 1, 2;
UPDATE parts SET label = 'secret' WHERE id = 10;
SELECT id, label FROM answers ORDER BY 1;
BEGIN;
TRUNCATE answers;
SELECT count(*) FROM ward.lineage;
ROLLBACK;
DELETE FROM answers WHERE id = 11;
SELECT output, output_key, source, source_key, recorded_by FROM ward.lineage ORDER BY 1, 2;
SELECT pg_temp.try('TRUNCATE papers');
DELETE FROM copies;
TRUNCATE papers;
SELECT 'part' AS what, id, label FROM parts UNION ALL SELECT 'answer', id, label FROM answers ORDER BY 1, 2;
RESET ward.maintenance;
DROP TABLE papers, parts, answers, copies;
SELECT (SELECT count(*) FROM ward.derivations) AS derivations, (SELECT count(*) FROM ward.lineage) AS lineage, (SELECT count(*) FROM ward.quarantined) AS quarantined;
-- What lost a source stays hidden, whatever else is released.
CREATE TABLE one (id int PRIMARY KEY, tenant_id int, label ward.label);
CREATE TABLE two (LIKE one INCLUDING ALL);
CREATE TABLE both_of (id int PRIMARY KEY, one_id int, two_id int, tenant_id int, label ward.label);
CREATE TABLE noted (LIKE one INCLUDING ALL);
SELECT ward.protect('one'), ward.protect('two'), ward.protect('noted');
SELECT ward.derive('both_of', 'one', '{one_id}', '{id}', 'quarantine'), ward.derive('both_of', 'two', '{two_id}', '{id}', 'quarantine'), ward.derive('noted', 'two', on_delete => 'quarantine'), ward.derive('noted', 'one', on_delete => 'quarantine');
SET ward.maintenance = 'x';
INSERT INTO one VALUES (1, 1, 'public');
INSERT INTO two VALUES (1, 1, 'public');
INSERT INTO both_of VALUES (1, 1, 1);
INSERT INTO noted VALUES (1, 1, 'public');
SELECT ward.record_lineage('noted', '{"id": 1}', '[{"relation": "one", "key": {"id": 1}}, {"relation": "two", "key": {"id": 1}}]');
DELETE FROM two;
SELECT ward.quarantine('one', '{"id": 1}', 'x'), ward.release('one', '{"id": 1}', 'x');
SELECT 'both' AS what, label FROM both_of UNION ALL SELECT 'noted', label FROM noted;
SELECT pg_temp.try('SELECT ward.release(''noted'', ''{"id": 1}'', ''x'')'), pg_temp.try('SELECT ward.release(''both_of'', ''{"id": 1}'', ''x'')'), pg_temp.try('UPDATE noted SET label = ''public'''), pg_temp.try('UPDATE both_of SET label = ''public''');
RESET ward.maintenance;
DROP TABLE one, two, both_of, noted;
-- A floor and sources together.
CREATE TABLE said (id int PRIMARY KEY, one_id int, tenant_id int, label ward.label);
CREATE TABLE told (id int PRIMARY KEY, tenant_id int, label ward.label);
GRANT ALL ON said, told TO app;
SELECT ward.protect('told'), ward.protect('said', options => '{"label_default": "watermark", "default_label": "public"}');
SELECT ward.derive('said', 'told', '{one_id}', '{id}');
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO told VALUES (1, 1, 'internal'), (2, 1, 'confidential{pii}');
INSERT INTO said VALUES (1, 1) RETURNING label;
BEGIN;
SELECT label FROM told WHERE id = 2;
INSERT INTO said VALUES (2, 1), (3, NULL) RETURNING label;
COMMIT;
RESET ward.token;
RESET ROLE;
DROP TABLE told, said;
