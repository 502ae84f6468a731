-- What the modes allow and refuse: deny, project, match; and unless_owner.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set people :suite '/common/people.psql'
\set ECHO none
\i :people
\set try :suite '/common/try.psql'
\i :try
\set ECHO all
\set VERBOSITY terse
SELECT ward.mask('people', 'ssn', 'null', 'confidential{pii}', 'match');
SELECT ward.mask('people', 'name', 'partial(0,"…",2)', 'confidential{pii}', 'project');
SELECT ward.mask('people', 'salary', 'null', 'confidential{pii}', 'deny');
SET ROLE app_owner;
CREATE VIEW people_view AS SELECT id, owner, name, ssn FROM people;
CREATE VIEW people_count AS SELECT ssn, count(*) FROM people GROUP BY ssn;
RESET ROLE;
GRANT SELECT ON people_view, people_count TO app;
CREATE INDEX ON people (ssn);
SET ROLE app;
SET ward.token = :'anna';

-- match: equality with a value that the caller brings; the value itself stays hidden
SELECT id, ssn FROM people WHERE ssn = '900-12-0074';
SELECT id, ssn FROM people WHERE '900-12-0074' = ssn;
SELECT id FROM people WHERE ssn = ANY (ARRAY['900-12-0074', '900-14-0148']) ORDER BY 1;
SELECT id FROM people WHERE ssn IN ('900-12-0074', 'x');
SELECT id, ssn = '900-12-0074' AS is_it FROM people WHERE id < 5 ORDER BY id;
SELECT count(*) FROM people WHERE ssn IS NULL;
SELECT id, ssn FROM people_view WHERE ssn = '900-12-0074';
SELECT id FROM (SELECT id, ssn FROM people LIMIT 100) s WHERE ssn = '900-12-0074';
SELECT o.id FROM people_open o WHERE EXISTS (SELECT FROM people p WHERE p.id = o.id AND p.ssn = '900-12-0074');
PREPARE look_up(text) AS SELECT id, ssn FROM people WHERE ssn = $1;
EXECUTE look_up('900-12-0074');
EXECUTE look_up('900-12-0075');
-- nothing else sees more than the mask
SELECT o.id FROM people_open o JOIN people p ON p.ssn = o.ssn;
SELECT id FROM people WHERE ssn = (SELECT ssn FROM people_open WHERE id = 2);
SELECT id FROM people WHERE ssn > '0';
SELECT id FROM people WHERE ssn LIKE '900-12%';
SELECT id FROM people WHERE ssn = name;
SELECT id FROM people WHERE ssn <> 'x';
SELECT ssn FROM people_count WHERE ssn = '900-12-0074';
WITH c AS MATERIALIZED (SELECT id, ssn FROM people) SELECT id FROM c WHERE ssn = '900-12-0074';
BEGIN;
DELETE FROM people WHERE ssn = '900-12-0074' RETURNING id, ssn;
UPDATE people SET owner = 'x' WHERE ssn = '900-14-0148' RETURNING id, ssn;
ROLLBACK;

-- project: put out, in any expression, but not in conditions
SELECT id, name, upper(name) FROM people WHERE id = 2;
SELECT statement, pg_temp.try(statement) FROM (VALUES
    ('SELECT id FROM people WHERE name = ''x'''),
    ('SELECT id FROM people ORDER BY name'),
    ('SELECT name FROM people GROUP BY name'),
    ('SELECT DISTINCT name FROM people'),
    ('SELECT name, count(*) OVER (PARTITION BY name) FROM people'),
    ('SELECT 1 FROM people a JOIN people b ON a.name = b.name'),
    ('SELECT 1 FROM people a JOIN people b USING (name)'),
    ('SELECT id FROM people_view WHERE name = ''x'''),
    ('SELECT id FROM (SELECT * FROM people) s ORDER BY lower(name)'),
    ('WITH c AS (SELECT * FROM people) SELECT id FROM c WHERE name = ''x'''),
    ('SELECT count(*) FROM people HAVING min(name) = ''x'''),
    ('UPDATE people SET owner = ''x'' WHERE name = ''x'''),
    ('SELECT name FROM people UNION ALL SELECT name FROM people')
) AS t(statement);

-- deny: naming the column is an error, leaving it out is not
SELECT count(*) FROM people;
SELECT id, name FROM people_view WHERE id = 2;
SELECT statement, pg_temp.try(statement) FROM (VALUES
    ('SELECT salary FROM people'),
    ('SELECT * FROM people'),
    ('SELECT p FROM people p'),
    ('SELECT to_jsonb(p) FROM people p'),
    ('SELECT id FROM people WHERE salary > 1'),
    ('SELECT count(salary) FROM people'),
    ('SELECT 1 FROM people ORDER BY salary'),
    ('UPDATE people SET owner = owner RETURNING salary'),
    ('UPDATE people SET owner = owner RETURNING *'),
    ('DELETE FROM people WHERE salary = 1'),
    ('INSERT INTO people (id, salary) VALUES (101, 5)'),
    ('DELETE FROM people WHERE id = 101')
) AS t(statement);
COPY people TO STDOUT;
COPY people (id, name, ssn) TO STDOUT;
SET ward.token = :'alice';
SELECT id, salary FROM people WHERE id = 2;
RESET ward.token;
RESET ROLE;

-- unless_owner: the subject that a column names sees the value in that row, and cannot name itself
SELECT ward.mask('people', 'name', 'constant(hidden)', 'secret', options => '{"unless_owner": "nobody"}');
SELECT ward.mask('people', 'name', 'constant(hidden)', 'secret', options => '{"unless_owner": true}');
SELECT ward.mask('people', 'name', 'constant(hidden)', 'secret', options => '{"unless": "owner"}');
SELECT ward.mask('people', 'name', 'constant(hidden)', 'secret', options => '{"unless_owner": "owner"}');
SELECT ward.unmask('people', 'salary', 'test'), ward.unmask('people', 'ssn', 'test');
BEGIN;
SET LOCAL ward.maintenance = 'test';
UPDATE people SET owner = 'anna' WHERE id = 2;
COMMIT;
SET ROLE app;
SET ward.token = :'anna';
SELECT id, owner, name FROM people WHERE id IN (2, 4) ORDER BY 1;
SELECT id FROM people WHERE name LIKE 'RAW%';
BEGIN;
DELETE FROM people WHERE id IN (2, 4) RETURNING id, name, people;
ROLLBACK;
SELECT pg_temp.try('UPDATE people SET owner = ''anna''');
SELECT pg_temp.try('INSERT INTO people (id) VALUES (4) ON CONFLICT (id) DO UPDATE SET owner = ''anna''');
SELECT pg_temp.try('MERGE INTO people p USING people_open o ON o.id = p.id WHEN MATCHED THEN UPDATE SET owner = ''anna''');
