-- What only newer releases have: RETURNING OLD and NEW, virtual generated columns, MERGE … RETURNING.
\getenv suite PG_ABS_SRCDIR
\set ECHO none
SELECT current_setting('server_version_num')::int < 180000 AS older \gset
\if :older
\echo not in this release
\quit
\endif
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set people :suite '/common/people.psql'
\o /dev/null
\i :people
\o
SET client_min_messages = warning;
\set ECHO all
ALTER TABLE people ADD COLUMN v text GENERATED ALWAYS AS (ssn || name) VIRTUAL, ADD COLUMN w int GENERATED ALWAYS AS (id * 2) VIRTUAL;
SET ROLE app;
SET ward.token = :'anna';
SELECT v, w, people FROM people WHERE id = 2;
SELECT count(*) FROM people WHERE v LIKE '%RAW%';
BEGIN;
UPDATE people SET owner = 'x' WHERE id = 2 RETURNING old.ssn, new.ssn, old.v, new.w, old, new, old.name || new.name;
INSERT INTO people (id, name, ssn) VALUES (300, 'RAW n', '900-11-1111') RETURNING old.ssn, new.ssn, old, new, old IS NULL AS old_is_null, new.v;
DELETE FROM people WHERE id = 4 RETURNING old.ssn, new.ssn, old, new;
INSERT INTO people (id, name) VALUES (6, 'RAW z') ON CONFLICT (id) DO UPDATE SET owner = 'q' RETURNING old.name, new.name, old, new;
MERGE INTO people p USING (VALUES (8), (400)) s(id) ON p.id = s.id WHEN MATCHED THEN UPDATE SET owner = 'm' WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, 'RAW m')
  WHEN NOT MATCHED BY SOURCE AND p.name = 'hidden' AND p.id = 10 THEN DELETE RETURNING merge_action(), old.name, new.name, p.ssn, old, new;
UPDATE people p SET owner = 'j' FROM people q WHERE p.id = q.id AND p.id = 12 RETURNING old.ssn, new.ssn, q.ssn, (SELECT old.name), (SELECT count(*) FROM people z WHERE z.ssn = old.ssn);
WITH u AS (UPDATE people SET owner = 'w' WHERE id = 14 RETURNING old, new) SELECT (old).ssn, (new).name, u FROM u;
ROLLBACK;
-- control arm
UPDATE people_open SET owner = 'x' WHERE id = 2 RETURNING old.ssn, new.name;
RESET ward.token;
RESET ROLE;
DROP TABLE people, people_open CASCADE;
