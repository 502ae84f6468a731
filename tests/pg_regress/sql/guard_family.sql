-- Partitions and inheritance children: new ones are covered, former ones stay protected.
\set VERBOSITY terse
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE fam (id int, tenant_id int, body text) PARTITION BY RANGE (id);
CREATE TABLE fam_1 PARTITION OF fam FOR VALUES FROM (0) TO (10);
INSERT INTO fam SELECT n, n % 3 + 1, 'body ' || n FROM generate_series(1, 9) n;
RESET ROLE;
SELECT ward.protect('fam', label => NULL);
CREATE VIEW fam_cover AS
    SELECT c.relname, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
           (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies,
           EXISTS (SELECT FROM ward.protections WHERE relation = c.oid) AS own
    FROM pg_class c WHERE c.relname LIKE 'fam%' AND c.relkind IN ('r', 'p') ORDER BY 1;

-- new partitions, in every way of making one; the owner may, and a bound session of the owner too
SET ROLE app_owner;
CREATE TABLE fam_2 PARTITION OF fam FOR VALUES FROM (10) TO (20);
CREATE TABLE fam_3 PARTITION OF fam FOR VALUES FROM (20) TO (30) PARTITION BY LIST (tenant_id);
SET ward.token = :'bob';
CREATE TABLE fam_3_1 PARTITION OF fam_3 FOR VALUES IN (1);
RESET ward.token;
DO 'BEGIN EXECUTE ''CREATE TABLE fam_3_2 PARTITION OF fam_3 DEFAULT''; END';
CREATE TABLE fam_loose (LIKE fam);
RESET ROLE;
CREATE SCHEMA fam_schema CREATE TABLE fam_4 PARTITION OF app.fam FOR VALUES FROM (30) TO (40);
ALTER TABLE fam ATTACH PARTITION fam_loose FOR VALUES FROM (40) TO (50);
SELECT * FROM fam_cover;

-- a partition named directly shows no more than its parent
SET ward.token = :'bob';
INSERT INTO fam VALUES (11, NULL, 'mine'), (21, 2, 'mine');
SELECT count(*), min(tenant_id), max(tenant_id) FROM fam_1;
SELECT * FROM fam_2;
SELECT * FROM fam_3_2;
RESET ward.token;
SELECT count(*) FROM fam_1;

-- an error takes it back, and leaves nothing behind
BEGIN;
SAVEPOINT s;
CREATE TABLE fam_5 PARTITION OF fam FOR VALUES FROM (50) TO (60);
ROLLBACK TO s;
CREATE TABLE fam_5 (id int);
COMMIT;
SELECT * FROM fam_cover WHERE relname = 'fam_5';
DROP TABLE fam_5;

-- a detached partition keeps its protection, under its own name
ALTER TABLE fam DETACH PARTITION fam_1;
ALTER TABLE fam DETACH PARTITION fam_2 CONCURRENTLY;
SELECT * FROM fam_cover WHERE relname IN ('fam_1', 'fam_2');
SELECT count(*) FROM fam_2;
SELECT count(*) FROM fam_1;
SET ward.token = :'bob';
SELECT count(*), min(tenant_id), max(tenant_id) FROM fam_1;
RESET ward.token;
-- and cannot come back while it has one of its own
ALTER TABLE fam ATTACH PARTITION fam_1 FOR VALUES FROM (0) TO (10);
SELECT ward.unprotect('fam_1', 'comes back');
ALTER TABLE fam ATTACH PARTITION fam_1 FOR VALUES FROM (0) TO (10);
SELECT * FROM fam_cover WHERE relname = 'fam_1';

-- inheritance
SET ROLE app_owner;
CREATE TABLE famh (id int, tenant_id int);
CREATE TABLE famh_later (id int, tenant_id int);
RESET ROLE;
SELECT ward.protect('famh', label => NULL);
SET ROLE app_owner;
CREATE TABLE famh_child (extra text) INHERITS (famh);
RESET ROLE;
ALTER TABLE famh_later INHERIT famh;
ALTER TABLE famh_child NO INHERIT famh;
SELECT * FROM fam_cover WHERE relname LIKE 'famh%';

-- not by the owner, not with other parents
SET ROLE app_owner;
CREATE TABLE fam_open (LIKE fam) PARTITION BY RANGE (id);
CREATE TABLE fam_out (LIKE fam);
ALTER TABLE fam ATTACH PARTITION fam_out FOR VALUES FROM (60) TO (70);
ALTER TABLE fam DETACH PARTITION fam_loose;
ALTER TABLE fam_open ATTACH PARTITION fam_1 FOR VALUES FROM (0) TO (10);
ALTER TABLE famh_later NO INHERIT famh;
DROP TABLE fam_loose;
TRUNCATE fam_loose;
ALTER TABLE fam_loose DISABLE ROW LEVEL SECURITY;
RESET ROLE;
ALTER TABLE fam_open ATTACH PARTITION fam_2 FOR VALUES FROM (10) TO (20);

DROP VIEW fam_cover;
ALTER TABLE fam_open ATTACH PARTITION fam_out FOR VALUES FROM (60) TO (70);
DROP TABLE fam, fam_2, fam_open, famh, famh_child, famh_later;
DROP SCHEMA fam_schema;
SELECT relation FROM ward.protections ORDER BY 1;
