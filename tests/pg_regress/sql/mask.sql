-- Masked columns in every place of a statement: what a session without the clearance sees is the mask.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set people :suite '/common/people.psql'
\set ECHO none
\i :people
\set ECHO all
\set VERBOSITY terse
SELECT relation, column_name, method, label, mode FROM ward.masks ORDER BY 2;
SET ROLE app;

-- With the clearance: the values, and the plan of a table without masks.
SET ward.token = :'alice';
SELECT name, ssn, email, salary, born, address, profile FROM people WHERE id = 2;
SELECT id FROM people WHERE ssn = '900-12-0074';

-- Without it: the masks, in every place.
SET ward.token = :'anna';
SELECT name, ssn, email, salary, born, address, profile FROM people WHERE id = 2;
SELECT id FROM people WHERE ssn = '900-12-0074';
SELECT id FROM people WHERE ssn = '***-**-0074';
SELECT count(*) FROM people WHERE name LIKE '%RAW%';
SELECT name, count(*) FROM people GROUP BY name;
SELECT max(salary), min(ssn), string_agg(DISTINCT name, ',') FROM people;
SELECT id FROM people ORDER BY salary, id LIMIT 2;
SELECT p FROM people p WHERE id = 2;
SELECT (p).ssn, (p).id FROM people p WHERE id = 2;
SELECT to_jsonb(p) FROM people p WHERE id = 2;
SELECT p::text LIKE '%RAW%' AS leaks FROM people p WHERE id = 2;
SELECT ctid IS NOT NULL AS ctid, tableoid::regclass, xmin IS NOT NULL AS xmin, name FROM people WHERE id = 2;
SELECT a.name, b.ssn FROM people a JOIN people b USING (id) WHERE id = 2;
SELECT a.name FROM people a JOIN people_open o ON a.ssn = o.ssn;
SELECT o.id, a.name FROM people_open o LEFT JOIN people a ON a.id = o.id WHERE o.id IN (1, 2) ORDER BY 1;
SELECT o.id, a FROM people_open o LEFT JOIN people a ON a.id = o.id WHERE o.id = 1;
WITH c AS (SELECT * FROM people) SELECT name, ssn FROM c WHERE id = 2;
WITH c AS MATERIALIZED (SELECT * FROM people) SELECT c FROM c WHERE id = 2;
SELECT name FROM (SELECT * FROM people ORDER BY id LIMIT 1) s;
SELECT (SELECT ssn FROM people WHERE id = 2), ARRAY(SELECT name FROM people WHERE id IN (2, 4));
SELECT o.id FROM people_open o WHERE o.ssn IN (SELECT ssn FROM people);
SELECT o.id FROM people_open o WHERE EXISTS (SELECT FROM people p WHERE p.ssn = o.ssn);
SELECT l.ssn FROM people p, LATERAL (SELECT p.ssn) l WHERE p.id = 2;
SELECT name FROM people WHERE id = 2 UNION ALL SELECT ssn FROM people WHERE id = 4;
SELECT ssn FROM people WHERE id = 2 FOR UPDATE;
SELECT count(*), min(name) FROM people TABLESAMPLE bernoulli (100);
SELECT first_value(ssn) OVER (ORDER BY id) FROM people LIMIT 1;
SELECT count(*) FILTER (WHERE salary > 9000) FROM people;
COPY (SELECT id, name, ssn FROM people WHERE id < 5 ORDER BY id) TO STDOUT;
BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM people ORDER BY id; FETCH 2 FROM c; COMMIT;
VALUES ((SELECT name FROM people WHERE id = 2));

-- A prepared statement follows the identity.
PREPARE one AS SELECT ssn, salary FROM people WHERE id = 2;
EXECUTE one;
SET ward.token = :'alice';
EXECUTE one;
SET ward.token = :'anna';
EXECUTE one;
SET plan_cache_mode = force_generic_plan;
EXECUTE one;
RESET plan_cache_mode;
DEALLOCATE one;

-- Writing: other columns, own values; what is read of a masked column is its mask.
BEGIN;
UPDATE people SET owner = 'x' WHERE id = 2 RETURNING ssn, people, to_jsonb(people) ->> 'name';
INSERT INTO people (id, name, ssn, salary) VALUES (100, 'RAW mine', '900-00-0000', 9999) RETURNING name, ssn, salary;
DELETE FROM people WHERE ssn = '***-**-0148' RETURNING id, ssn;
UPDATE people p SET owner = 'y' FROM people q WHERE p.id = q.id AND p.id = 6 RETURNING p.ssn, q.ssn;
DELETE FROM people p USING people_open o WHERE p.id = o.id AND o.id = 8 RETURNING p.name, o.id;
INSERT INTO people (id, ssn) VALUES (6, '900-00-0001') ON CONFLICT (id) DO UPDATE SET owner = 'z' RETURNING ssn;
WITH u AS (UPDATE people SET owner = 'w' WHERE id = 10 RETURNING *) SELECT name, ssn FROM u;
ROLLBACK;
