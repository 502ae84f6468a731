-- COPY FROM: each row is filled and checked as by INSERT.
\set VERBOSITY terse
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE load_docs (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone text, tenant_id int, label ward.label,
    body text DEFAULT 'none', twice int GENERATED ALWAYS AS (id * 2) STORED, made int DEFAULT 1 + 1,
    word varchar(5) CHECK (word <> 'bad'));
ALTER TABLE load_docs DROP COLUMN gone;
CREATE TABLE load_open (LIKE load_docs INCLUDING ALL);
GRANT SELECT, INSERT ON load_docs, load_open TO app, app_bypass;
RESET ROLE;
SELECT ward.protect('load_docs');
SET ROLE app;

-- no identity, no writing
COPY load_docs (body) FROM STDIN;
\.
-- control arm: under row security core refuses COPY FROM
RESET ROLE;
ALTER TABLE load_open ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON load_open USING (true);
SET ROLE app;
COPY load_open (body) FROM STDIN;
\.
RESET ROLE;
ALTER TABLE load_open DISABLE ROW LEVEL SECURITY;
SET ROLE app;

SET ward.token = :'bob';
-- filled: tenant, label, defaults, identity; an explicit NULL tenant, too
COPY load_docs (body) FROM STDIN;
first
\N
\.
COPY load_docs (tenant_id, label, body, word) FROM STDIN WITH (FORMAT csv, HEADER, NULL '');
tenant_id,label,body,word
,,"csv, quoted",a
2,confidential{pii},"two
lines",b
2,,,
\.
COPY load_docs FROM STDIN;
100	2	internal	all columns	7	w
\.
SELECT * FROM load_docs ORDER BY id;
-- checked: another tenant, a label above clearance; nothing of the batch stays
COPY load_docs (tenant_id, body) FROM STDIN;
2	fine
1	another tenant
2	fine
\.
\set VERBOSITY default
COPY load_docs (tenant_id, body) FROM STDIN;
2	fine
1	another tenant
\.
COPY load_docs (body, label) FROM STDIN;
x	secret{legal}
\.
-- errors in the data keep their position and their constraint
COPY load_docs (body, word) FROM STDIN;
x	ok
x	too long
\.
COPY load_docs (body, word) FROM STDIN;
x	bad
\.
COPY load_docs (body, tenant_id) FROM STDIN;
x	two
\.
COPY load_docs (body) FROM STDIN;
x	more
\.
COPY load_docs (id, body) FROM STDIN;
100	duplicate
\.
\set VERBOSITY terse
COPY load_docs (twice) FROM STDIN;
\.
COPY load_docs (nothing) FROM STDIN;
\.
COPY load_docs (body, body) FROM STDIN;
\.
COPY load_docs (body) FROM STDIN WITH (FREEZE);
\.
COPY load_docs (body) FROM STDIN WITH (FREEZE off, DELIMITER '|');
freeze off
\.
COPY load_docs (body) FROM STDIN WITH (FORMAT nonsense);
\.
COPY load_docs (body) FROM '/etc/hostname';
COPY load_docs (body) FROM PROGRAM 'echo x';
SELECT count(*), max(id) > 100 FROM load_docs;

-- WHERE
COPY load_docs (body, word) FROM STDIN WHERE word <> 'skip' AND load_docs.made = 2;
where 1	keep
where 2	skip
where 3	keep
\.
COPY load_docs (body) FROM STDIN WHERE twice > 1;
\.
COPY load_docs (body) FROM STDIN WHERE body;
\.
COPY load_docs (body) FROM STDIN WHERE count(*) > 1;
\.
SELECT body, word FROM load_docs WHERE body LIKE 'where%' ORDER BY id;

-- in blocks: savepoints, and the identity cannot change afterwards
BEGIN;
SAVEPOINT s;
COPY load_docs (tenant_id) FROM STDIN;
1
\.
ROLLBACK TO s;
COPY load_docs (body) FROM STDIN;
after the savepoint
\.
SET ward.token = '';
ROLLBACK;
RESET ward.token;
RESET ROLE;

-- roles that row security spares; rights on columns only
SET ROLE app_bypass;
SET ward.token = :'alice';
COPY load_docs (tenant_id, body) FROM STDIN;
2	not mine
\.
COPY load_docs (body) FROM STDIN;
of alice
\.
RESET ward.token;
RESET ROLE;
SET ward.token = :'alice';
COPY load_docs (tenant_id, body) FROM STDIN;
2	not mine
\.
SELECT tenant_id, body FROM load_docs WHERE body LIKE 'of%';
RESET ward.token;
CREATE ROLE load_writer;
GRANT USAGE ON SCHEMA app TO load_writer;
GRANT INSERT (body) ON load_docs TO load_writer;
SET ROLE load_writer;
SET ward.token = :'alice';
COPY load_docs (body) FROM STDIN;
by column right
\.
COPY load_docs (body, word) FROM STDIN;
\.
COPY load_docs FROM STDIN;
\.
-- not for anything else
SELECT ward_internal.copy_rows(NULL::load_docs);
RESET ward.token;
RESET ROLE;
SELECT ward_internal.copy_rows(NULL::load_docs);
SELECT * FROM ward_internal.copy_rows(NULL::load_docs);

-- maintenance loads as it is
SET ward.maintenance = 'restore';
COPY load_docs (tenant_id, body) FROM STDIN;
7	restored
\N	restored
\.
SELECT tenant_id, label FROM load_docs WHERE body = 'restored';
RESET ward.maintenance;
GRANT SET ON PARAMETER ward.maintenance TO app;
SET ROLE app;
SET ward.maintenance = 'restore by another role';
COPY load_docs (tenant_id, body) FROM STDIN;
8	restored
\.
RESET ward.maintenance;
RESET ROLE;
REVOKE SET ON PARAMETER ward.maintenance FROM app;

DROP TABLE load_docs, load_open;
REVOKE USAGE ON SCHEMA app FROM load_writer;
DROP ROLE load_writer;
