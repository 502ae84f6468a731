-- Attempts to read without an event that tells of it, or with another one's. Control arm: the same statement, plain.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.told(name text) RETURNS TABLE (kind text, outcome text, stage text, subject text, "rows" bigint, keys text, query text)
LANGUAGE sql VOLATILE AS $$
    SELECT a.kind, a.outcome, a.stage, a.subject, a.rows, (SELECT string_agg(found.value -> 'docs' ->> 'id', ',') FROM jsonb_array_elements(a.keys) found), left(a.query, 48)
    FROM ward.audit a WHERE a.application = name AND a.kind <> 'rollback' ORDER BY a.index $$;
SET ward.token = :'alice';

-- 1 the keys of a search are told by its own event, whatever else is open
SET application_name = 'plain';
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM docs ORDER BY embedding <-> '[1,1,1]' LIMIT 3;
FETCH ALL FROM a;
COMMIT;
SET application_name = 'opened later';
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM docs ORDER BY embedding <-> '[1,1,1]' LIMIT 3;
DECLARE b CURSOR FOR SELECT id FROM notes LIMIT 0;
FETCH ALL FROM a;
FETCH ALL FROM b;
COMMIT;
SET application_name = 'told before';
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM docs ORDER BY embedding <-> '[1,1,1]' LIMIT 3;
DECLARE b CURSOR FOR SELECT id FROM notes LIMIT 0;
FETCH ALL FROM b;
FETCH ALL FROM a;
COMMIT;
SET application_name = 'savepoint';
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM docs ORDER BY embedding <-> '[1,1,1]' LIMIT 3;
SAVEPOINT s;
DECLARE b CURSOR FOR SELECT id FROM notes LIMIT 0;
FETCH ALL FROM a;
ROLLBACK TO s;
COMMIT;
-- a function among what the search puts out leaves a cursor open at each row
CREATE FUNCTION pg_temp.open_one(n int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE c refcursor := 'c' || n;
BEGIN
    OPEN c FOR SELECT id FROM notes LIMIT 0;
    RETURN n;
END $$;
SET application_name = 'function';
BEGIN;
SELECT pg_temp.open_one(id) FROM docs ORDER BY embedding <-> '[1,1,1]' LIMIT 3;
COMMIT;

-- 2 in blocks that swallow, in procedures that commit, over suspended and moved cursors
SET application_name = 'blocks';
DO $$ BEGIN
    BEGIN PERFORM 1 / (id - 6) FROM docs; EXCEPTION WHEN division_by_zero THEN NULL; END;
    PERFORM count(*) FROM docs; COMMIT;
    PERFORM count(*) FROM notes; ROLLBACK;
END $$;
DO $$
DECLARE c CURSOR FOR SELECT id FROM docs; n int;
BEGIN
    OPEN c; FETCH c INTO n; FETCH c INTO n; COMMIT;
END $$;
BEGIN; DECLARE c CURSOR FOR SELECT id FROM docs; MOVE 10 IN c; COMMIT;

-- 3 as what only looks like planning: a constant function, an index expression, statistics
SET application_name = 'functions';
CREATE FUNCTION pg_temp.constant(int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT count(*) FROM app.docs); END $$;
SELECT pg_temp.constant(1);
CREATE TEMP TABLE t AS SELECT 1 AS a;
CREATE INDEX ON t (pg_temp.constant(a));
ANALYZE t;

RESET application_name;
SET ward.token = '';
SELECT ward.audit_sync();
\pset format unaligned
SELECT * FROM pg_temp.told('plain');
SELECT * FROM pg_temp.told('opened later');
SELECT * FROM pg_temp.told('told before');
SELECT * FROM pg_temp.told('savepoint');
SELECT * FROM pg_temp.told('function') WHERE kind = 'search';
SELECT kind, outcome, stage, subject, rows, query FROM pg_temp.told('blocks');
SELECT kind, outcome, stage, subject, rows, query FROM pg_temp.told('functions');
