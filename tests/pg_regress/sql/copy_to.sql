-- COPY TO: a table is read like a query, whatever the role.
\set VERBOSITY terse
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET client_min_messages = warning;
SELECT current_setting('data_directory') || '/ward_copy' AS file,
       format('COPY copy_docs FROM PROGRAM %L', 'rm ' || current_setting('data_directory') || '/ward_copy') AS remove \gset
SET ROLE app_owner;
CREATE TABLE copy_docs (id int PRIMARY KEY, tenant_id int, label ward.label, body text, twice int GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO copy_docs SELECT n, n % 2 + 1, 'public', CASE n % 3 WHEN 0 THEN NULL ELSE 'body, ' || n END FROM generate_series(1, 6) n;
CREATE TABLE copy_child (extra text) INHERITS (copy_docs);
INSERT INTO copy_child VALUES (7, 1, 'public', 'child'), (8, 2, 'public', 'child');
CREATE TABLE copy_parts (id int, tenant_id int) PARTITION BY LIST (tenant_id);
CREATE TABLE copy_part1 PARTITION OF copy_parts FOR VALUES IN (1);
CREATE TABLE copy_part2 PARTITION OF copy_parts FOR VALUES IN (2);
INSERT INTO copy_parts VALUES (1, 1), (2, 2);
CREATE TABLE copy_open AS TABLE copy_docs;
GRANT SELECT, INSERT ON copy_open TO app, app_bypass;
GRANT SELECT ON copy_docs, copy_child, copy_parts, copy_part1, copy_part2 TO app, app_bypass;
RESET ROLE;

-- control arm: without protection COPY shows everything
COPY copy_docs (id, tenant_id) TO STDOUT;
SELECT ward.protect('copy_docs'), ward.protect('copy_parts', label => NULL);

-- no identity, no data; the twin is as before
COPY copy_docs TO STDOUT;
COPY copy_part1 TO STDOUT;
SET ROLE app;
COPY copy_docs TO STDOUT;
COPY (SELECT * FROM copy_docs) TO STDOUT;
COPY copy_open (id) TO STDOUT;

SET ward.token = :'bob';
COPY copy_docs TO STDOUT;
COPY copy_docs (body, id) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE (body), NULL 'nothing');
COPY copy_docs TO STDOUT CSV HEADER;
COPY copy_child TO STDOUT;
COPY copy_parts TO STDOUT;
COPY copy_part1 TO STDOUT;
COPY copy_part2 TO STDOUT;
COPY (SELECT id FROM copy_docs ORDER BY id DESC) TO STDOUT;
COPY copy_docs (id, nothing) TO STDOUT;
COPY copy_docs (id, id) TO STDOUT;
COPY copy_docs (twice) TO STDOUT;
COPY copy_docs TO :'file';
COPY copy_none TO STDOUT;
-- an identity without tenant or with an expired token
RESET ward.token;
SET ward.token = :'dora';
COPY copy_docs TO STDOUT;
SET ward.token = :'expired';
COPY copy_docs TO STDOUT;
RESET ward.token;
RESET ROLE;

-- roles that row security spares, and column rights
SET ROLE app_bypass;  SET ward.token = :'alice';  COPY copy_docs (id, tenant_id) TO STDOUT;  RESET ward.token;  RESET ROLE;
SET ROLE app_owner;   SET ward.token = :'alice';  COPY copy_docs (id, tenant_id) TO STDOUT;  RESET ward.token;  RESET ROLE;
SET ward.token = :'alice';  COPY copy_docs (id, tenant_id) TO STDOUT;  RESET ward.token;
CREATE ROLE copy_reader;
GRANT USAGE ON SCHEMA app TO copy_reader;
GRANT SELECT (id) ON copy_docs TO copy_reader;
SET ROLE copy_reader;
SET ward.token = :'alice';
COPY copy_docs (id) TO STDOUT;
COPY copy_docs (id, body) TO STDOUT;
RESET ward.token;
RESET ROLE;

-- maintenance reads everything
SET ward.maintenance = 'nightly dump';
COPY copy_docs (id, tenant_id) TO STDOUT;
SET ward.token = :'bob';
COPY copy_docs (id, tenant_id) TO STDOUT;
RESET ward.token;
RESET ward.maintenance;

-- server files, both ways
SET ward.token = :'bob';
COPY copy_docs (id, body) TO :'file' WITH (FORMAT binary);
COPY copy_open (id, body) FROM :'file' WITH (FORMAT binary);
RESET ward.token;
SELECT count(*), count(*) FILTER (WHERE tenant_id IS NULL) FROM copy_open;
:remove;
SET ward.maintenance = 'clean up';
:remove;
RESET ward.maintenance;

DROP TABLE copy_docs, copy_child, copy_parts, copy_open;
REVOKE USAGE ON SCHEMA app FROM copy_reader;
DROP ROLE copy_reader;
