-- CREATE TABLE AS over protected relations: the new table is protected on the spot.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
CREATE TABLE papers (id int PRIMARY KEY, tenant_id int, label ward.label, topic text, body text);
INSERT INTO papers VALUES
    (1, 1, 'public', 'a', 'one'), (2, 1, 'internal', 'a', 'two'), (3, 1, 'confidential', 'b', 'three'),
    (4, 1, 'confidential{pii}', 'b', 'four'), (5, 1, 'secret', 'b', 'above'), (6, 2, 'public', 'a', 'other');
CREATE TABLE plain (id int, what text);
INSERT INTO plain VALUES (1, 'x');
GRANT SELECT ON papers, plain TO app;
RESET ROLE;
SELECT ward.protect('papers');
SET ROLE app;
SET ward.token = :'alice';

CREATE TABLE made AS SELECT id, body FROM papers WHERE id < 4;
SELECT * FROM made ORDER BY id;
CREATE TABLE made_all AS SELECT * FROM papers;
SELECT * FROM made_all ORDER BY id;
CREATE TABLE made_groups (t, n) AS SELECT topic, count(*) FROM papers GROUP BY topic ORDER BY 2, 1;
SELECT * FROM made_groups ORDER BY t;
SELECT body, 'public'::ward.label AS label INTO made_into FROM papers;
SELECT * FROM made_into ORDER BY body;
CREATE TABLE made_union AS SELECT body FROM papers WHERE id < 3 UNION ALL SELECT topic FROM papers WHERE id = 4 ORDER BY 1;
SELECT * FROM made_union ORDER BY 1;
CREATE TABLE made_with AS WITH c AS (SELECT * FROM papers) SELECT DISTINCT topic FROM c;
SELECT * FROM made_with ORDER BY 1;
CREATE TABLE made_window AS SELECT id, lead(body) OVER (ORDER BY id) FROM papers WHERE id < 3;
SELECT * FROM made_window ORDER BY 1;
CREATE TEMP TABLE made_temp AS SELECT body FROM papers;
SELECT * FROM made_temp ORDER BY 1;
CREATE TABLE IF NOT EXISTS made AS SELECT id, body FROM papers;
CREATE TABLE made_empty AS SELECT id, body FROM papers WITH NO DATA;
CREATE TABLE made_plain AS SELECT * FROM plain;
-- it is a protected table like others
INSERT INTO made VALUES (9, 'nine') RETURNING *;
SELECT pg_temp.try('INSERT INTO made (id, tenant_id) VALUES (10, 2)');
SELECT pg_temp.try('DROP TABLE made');
SELECT pg_temp.try('INSERT INTO plain SELECT id, body FROM made');
CREATE TABLE made_again AS SELECT m.body || p.topic AS x FROM made m JOIN made_all p USING (id);
SELECT * FROM made_again ORDER BY 1;

-- refused
SELECT pg_temp.try('CREATE TABLE no AS SELECT 2 AS tenant_id, body FROM papers');
SELECT pg_temp.try('CREATE TABLE no AS SELECT ''x''::bytea AS tenant_id, body FROM papers');
SELECT pg_temp.try('CREATE TABLE no AS SELECT 1 AS label, body FROM papers');
SELECT pg_temp.try('CREATE TABLE no AS SELECT ''secret''::ward.label AS label, body FROM papers');
SELECT pg_temp.try('CREATE TABLE no AS WITH u AS (UPDATE papers SET topic = topic RETURNING body) SELECT * FROM u');
SELECT pg_temp.try('CREATE TABLE no AS SELECT * FROM notes');
SELECT pg_temp.try('CREATE MATERIALIZED VIEW no AS SELECT * FROM papers');
PREPARE q AS SELECT body FROM papers;
SELECT pg_temp.try('CREATE TABLE no AS EXECUTE q');
EXECUTE q;
CREATE FUNCTION pg_temp.reads() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT body FROM papers WHERE id = 3); END $$;
SELECT pg_temp.try('CREATE TABLE no AS SELECT pg_temp.reads()');
SELECT pg_temp.try('CREATE TABLE no AS SELECT pg_temp.reads() FROM papers');
SELECT to_regclass('no');
-- a failed statement leaves nothing that protects another
BEGIN;
SAVEPOINT s;
CREATE TABLE late AS SELECT 1 / (id - 4) FROM papers;
ROLLBACK TO s;
CREATE TABLE late AS SELECT body FROM papers WHERE id < 3;
SELECT * FROM late ORDER BY 1;
ROLLBACK;

-- what others see of it
SET ward.token = :'anna';
SELECT * FROM made_all;
SELECT pg_temp.try('TABLE made_temp');
SET ward.token = :'bob';
SELECT * FROM made_all;
SET ward.token = :'carol';
SELECT pg_temp.try('CREATE TABLE no AS SELECT body FROM papers');
SET ward.token = '';
SELECT pg_temp.try('TABLE made');
RESET ROLE;
SELECT relation, tenant, label, owner, acl, options FROM ward.protections WHERE relation::text LIKE 'made%' AND relation::text <> 'made_temp' ORDER BY relation::text;

-- temporary tables go with their sessions, whoever these are
SET ROLE app;
SET ward.token = :'alice';
\c - -
\i :try
DO $$ BEGIN
    FOR i IN 1..100 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM pg_class WHERE relname = 'made_temp');
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT count(*) FROM pg_class WHERE relname = 'made_temp';
SELECT count(*) FROM ward_internal.protection WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = relation);
SET ROLE app;
SET ward.token = :'alice';
CREATE TEMP TABLE made_temp ON COMMIT DROP AS SELECT body FROM papers;
CREATE TEMP TABLE made_temp AS SELECT body FROM papers;
DROP TABLE made_temp;
SET ward.token = '';
RESET ROLE;
SELECT count(*) FROM ward_internal.protection WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = relation);

-- the setting
SET ward.new_tables = refuse;
SET ROLE app;
SET ward.token = :'alice';
SELECT pg_temp.try('CREATE TABLE no AS SELECT * FROM papers');
CREATE TABLE no AS SELECT * FROM papers;
SELECT pg_temp.try('SET ward.new_tables = protect');
SET ward.new_tables = protect;
SET ward.token = '';
RESET ROLE;
RESET ward.new_tables;

-- materialised views
SET ward.maintenance = 'stored views';
CREATE VIEW app.letters AS SELECT topic FROM papers;
CREATE MATERIALIZED VIEW app.stored AS SELECT topic FROM letters;
CREATE MATERIALIZED VIEW app.stored_twice AS SELECT count(*) FROM stored;
CREATE MATERIALIZED VIEW app.stored_plain AS SELECT * FROM plain;
GRANT SELECT ON stored, stored_twice, stored_plain TO app;
SELECT count(*) FROM stored;
REFRESH MATERIALIZED VIEW stored;
SELECT ward.protect('stored');
RESET ward.maintenance;
SELECT count(*) FROM stored;
SET ROLE app;
SET ward.token = :'alice';
SELECT count(*) FROM stored;
SELECT * FROM stored_twice;
SELECT * FROM (SELECT * FROM stored) s WHERE EXISTS (SELECT FROM stored);
SELECT count(*) FROM stored_plain;
SET ward.token = '';
RESET ROLE;
DROP MATERIALIZED VIEW app.stored_twice, app.stored, app.stored_plain;
DROP VIEW app.letters;
DROP TABLE app.made, app.made_all, app.made_groups, app.made_into, app.made_union, app.made_with, app.made_window, app.made_empty, app.made_plain, app.made_again, papers, plain;
