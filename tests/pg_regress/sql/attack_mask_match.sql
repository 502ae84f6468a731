-- match answers "is it this one?" and nothing else: no operator, collation, type or grouping may
-- make more of it.
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
SELECT ward.mask('people', 'ssn', 'constant(x)', 'confidential{pii}', 'match');
SET client_min_messages = warning;
SET ROLE app;
CREATE COLLATION app.loose (provider = icu, locale = 'und-u-ka-shifted-ks-level1', deterministic = false);
CREATE COLLATION app.strict (provider = icu, locale = 'de');
CREATE FUNCTION pg_temp.resembles(a text, b text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN a LIKE b; END';
CREATE OPERATOR app.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.resembles, HASHES, MERGES);

-- Control arm: on the unmasked twin each of these is a search for a part of the value.
SET ward.token = :'anna';
SELECT id FROM people_open WHERE ssn = '900120074' COLLATE app.loose;
SELECT id FROM people_open WHERE ssn OPERATOR(app.===) '900-12%';

SELECT id FROM people WHERE ssn = '900-12-0074';
SELECT id FROM people WHERE ssn = '900-12-0074' COLLATE app.strict;
SELECT id FROM people WHERE ssn = '900-12-0074' COLLATE "C";
SELECT id FROM people WHERE ssn = '900120074' COLLATE app.loose;
SELECT id FROM people WHERE ssn COLLATE app.loose = '900120074';
SELECT id FROM people WHERE ssn = ANY (ARRAY['900120074' COLLATE app.loose]);
SELECT id FROM people WHERE ssn IN ('900120074' COLLATE app.loose, 'y');
SELECT id FROM people WHERE ssn OPERATOR(app.===) '900-12%';
SELECT id FROM people WHERE ssn OPERATOR(app.===) ANY (ARRAY['900-12%']);
BEGIN;
UPDATE people SET owner = 'z' WHERE ssn = '900120074' COLLATE app.loose;
DELETE FROM people WHERE ssn OPERATOR(app.===) '900-12%';
INSERT INTO people (id, tenant_id) VALUES (2, 1) ON CONFLICT (id) DO UPDATE SET owner = 'z' WHERE people.ssn = '900120074' COLLATE app.loose;
SELECT count(*) FROM people WHERE owner = 'z' OR id = 2;
ROLLBACK;

-- Forms that are equality as well, and forms that are not.
SELECT id FROM people WHERE (ssn, id) = ('900-12-0074', 2);
SELECT id FROM people WHERE (ssn, id) IN (('900-12-0074', 2), ('x', 3));
SELECT id FROM people WHERE (ssn, id) < ('900-12-0074', 100) ORDER BY id LIMIT 1;
SELECT id FROM people WHERE NOT ssn = '900-12-0074' ORDER BY id LIMIT 1;
SELECT id FROM people WHERE ssn <> ALL (ARRAY['900-12-0074']) AND id = 2;
SELECT id FROM people WHERE ssn BETWEEN '900-12-0074' AND '900-12-0074';
SELECT id FROM people WHERE ssn IS NOT DISTINCT FROM '900-12-0074';
SELECT id, CASE ssn WHEN '900-12-0074' THEN 'found' END, NULLIF(ssn, '900-12-0074') FROM people WHERE id = 2;
SELECT id FROM people WHERE ssn::bytea = '900-12-0074'::bytea OR ssn::name = '900-12-0074';
SELECT id FROM people WHERE ssn = ANY (SELECT ssn FROM people_open) OR ssn IN (SELECT ssn FROM people_open);
SELECT id FROM people WHERE ssn NOT IN (SELECT ssn FROM people_open) AND id < 5 ORDER BY id;
SELECT id FROM people WHERE (ssn, id) = (SELECT ssn, id FROM people_open WHERE id = 2);
SELECT id FROM people WHERE ssn = (SELECT max(ssn) FROM people_open WHERE id = 2);
SELECT p.id FROM people p JOIN (VALUES ('900-12-0074')) v (given) ON p.ssn = v.given || '';
SELECT p.id FROM people p, LATERAL (SELECT '900-12-' || lpad(n::text, 4, '0') AS given FROM generate_series(70, 80) n) g WHERE p.ssn = g.given;
MERGE INTO people p USING people_open o ON p.ssn = o.ssn WHEN MATCHED THEN DELETE;
SELECT count(*) FROM people;

-- The values of a group, of which there are many, are not told by that of one row.
SELECT ssn, count(*) FROM people GROUP BY ssn;
SELECT statement, pg_temp.try(statement) FROM (VALUES
    ('SELECT count(*) FROM people GROUP BY ssn HAVING ssn = ''900-12-0074'''),
    ('SELECT ssn FROM people GROUP BY GROUPING SETS ((ssn), ()) HAVING ssn = ''900-12-0074'''),
    ('SELECT s, s.id FROM (SELECT id, ssn FROM people) s WHERE s.ssn = ''900-12-0074'''),
    ('SELECT id FROM (SELECT DISTINCT id, ssn FROM people) s WHERE ssn = ''900-12-0074''')
) AS t (statement);
SELECT count(*) FILTER (WHERE ssn = '900-12-0074') FROM people;
SELECT ssn = '900-12-0074' AS is_it, count(*) FROM people GROUP BY ssn = '900-12-0074' ORDER BY 1;
SELECT count(*) FROM people WHERE ssn = '900-12-0074' GROUP BY ssn;
SELECT (SELECT p.ssn = '900-12-0074') FROM people p WHERE id = 2;

-- The value stays hidden in what is found by it.
BEGIN;
UPDATE people SET owner = 'm' WHERE ssn = '900-12-0074' RETURNING people, ssn;
MERGE INTO people p USING people_open o ON p.id = o.id WHEN MATCHED AND p.ssn = '900-12-0074' THEN UPDATE SET owner = 'n' WHEN NOT MATCHED THEN DO NOTHING;
SELECT id, owner, ssn FROM people WHERE owner IN ('m', 'n');
ROLLBACK;
RESET ward.token;
DROP OPERATOR app.=== (text, text);
DROP COLLATION app.loose, app.strict;
RESET ROLE;
DROP TABLE people, people_open CASCADE;
