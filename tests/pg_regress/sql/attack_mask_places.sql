-- Every place of a statement, by comparison: what a session without the clearance gets from the masked
-- table must be what it gets from an ordinary table that holds the masks. Control arm: the unmasked
-- twin, from which most of these statements get something else.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set people :suite '/common/people.psql'
\set ECHO none
\i :people
\set ECHO all
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE people_copy (LIKE people INCLUDING INDEXES);
GRANT ALL ON people_copy TO app;
ALTER TABLE people_open ADD PRIMARY KEY (id);
DELETE FROM people_open WHERE tenant_id <> 1;
-- the same views and functions over each of the three
CREATE PROCEDURE pg_temp.make(relation text) LANGUAGE plpgsql AS $make$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY[
        'CREATE VIEW %1$s_owner AS SELECT * FROM %1$s',
        'CREATE VIEW %1$s_invoker WITH (security_invoker) AS SELECT * FROM %1$s',
        'CREATE VIEW %1$s_barrier WITH (security_barrier) AS SELECT id, owner, name, ssn FROM %1$s WHERE id > 3',
        'CREATE VIEW %1$s_join AS SELECT a.id, a.ssn, b.name FROM %1$s a JOIN %1$s b ON a.id = b.id AND a.name = b.name',
        'CREATE VIEW %1$s_groups AS SELECT ssn, max(name), count(*) FROM %1$s GROUP BY ssn',
        'CREATE VIEW %1$s_nested AS SELECT * FROM %1$s_owner WHERE id > 1',
        'CREATE VIEW %1$s_check AS SELECT * FROM %1$s WHERE name = ''hidden'' WITH CHECK OPTION',
        'CREATE FUNCTION app.inlined(%1$s) RETURNS text LANGUAGE sql STABLE AS ''SELECT ($1).ssn || $1.name''',
        'CREATE FUNCTION app.atomic(p %1$s) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT (p).ssn || p.name; END',
        'CREATE FUNCTION app.plpgsql(p %1$s) RETURNS text LANGUAGE plpgsql AS ''BEGIN RETURN p.ssn || p::text; END''',
        'CREATE FUNCTION app.%1$s_set() RETURNS SETOF %1$s LANGUAGE sql STABLE AS ''SELECT * FROM %1$s''',
        'CREATE FUNCTION app.%1$s_atomic() RETURNS SETOF %1$s LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM %1$s; END',
        'CREATE FUNCTION app.%1$s_arg(int) RETURNS SETOF %1$s LANGUAGE sql STABLE AS ''SELECT p.* FROM %1$s p WHERE id = $1''',
        'CREATE FUNCTION app.%1$s_one(int) RETURNS text LANGUAGE sql STABLE AS ''SELECT ssn FROM %1$s WHERE id = $1''',
        'CREATE FUNCTION app.%1$s_plpgsql() RETURNS SETOF %1$s LANGUAGE plpgsql AS ''BEGIN RETURN QUERY SELECT * FROM %1$s; END''',
        'CREATE FUNCTION app.%1$s_definer() RETURNS SETOF %1$s LANGUAGE plpgsql SECURITY DEFINER AS ''BEGIN RETURN QUERY EXECUTE ''''SELECT * FROM %1$s''''; END''',
        'GRANT ALL ON %1$s_owner, %1$s_invoker, %1$s_barrier, %1$s_join, %1$s_groups, %1$s_nested, %1$s_check TO app']
    LOOP
        EXECUTE format(part, relation);
    END LOOP;
END $make$;
CALL pg_temp.make('people');
CALL pg_temp.make('people_copy');
CALL pg_temp.make('people_open');
RESET ROLE;
CREATE TABLE app.sink (j jsonb, tenant_id int);
SELECT ward.protect('sink', label => NULL);
CREATE TABLE app.statements (n serial, statement text);
GRANT ALL ON sink, statements TO app;
-- What a statement over %T returns, in any order; what it changes is taken back. After ;; stands what is returned instead.
CREATE FUNCTION app.result(statement text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    parts text[] := string_to_array(replace(statement, '%T', relation), ';;');
    one record;
    got text[] := '{}';
BEGIN
    IF parts[2] IS NOT NULL THEN
        EXECUTE parts[1];
    END IF;
    FOR one IN EXECUTE coalesce(parts[2], parts[1]) LOOP
        got := got || replace(to_jsonb(one)::text, relation, 'T');
    END LOOP;
    RAISE EXCEPTION USING errcode = 'P0042';
EXCEPTION
    WHEN SQLSTATE 'P0042' THEN RETURN (SELECT string_agg(line, E'\n' ORDER BY line) FROM unnest(got) line);
    WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
\copy statements (statement) FROM stdin WITH (FORMAT csv, DELIMITER '~', QUOTE '`')
SELECT name, ssn, count(*) FROM %T GROUP BY GROUPING SETS ((name, ssn), (name), ()) ORDER BY 1, 2, 3
SELECT name, grouping(name), sum(id) FROM %T GROUP BY ROLLUP (name, born) ORDER BY 1, 2, 3
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ssn), mode() WITHIN GROUP (ORDER BY name), rank('x') WITHIN GROUP (ORDER BY ssn) FROM %T
SELECT count(*) FILTER (WHERE ssn LIKE '900%'), count(DISTINCT ssn), bool_and(name = 'hidden') FROM %T
SELECT id, lag(ssn) OVER w, rank() OVER (ORDER BY born), ntile(2) OVER w, sum(length(name)) OVER (PARTITION BY born > '1980-01-01' ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM %T WINDOW w AS (ORDER BY id) ORDER BY id
SELECT DISTINCT ON (name) name, id, ssn FROM %T ORDER BY name, id DESC
SELECT ssn FROM %T UNION SELECT name FROM %T ORDER BY 1
SELECT ssn FROM %T INTERSECT SELECT ssn FROM people_open ORDER BY 1
SELECT ssn FROM people_open EXCEPT SELECT ssn FROM %T ORDER BY 1
(SELECT %T FROM %T WHERE id = 2) UNION ALL (SELECT t2 FROM %T t2 ORDER BY id DESC LIMIT 1)
WITH RECURSIVE r AS (SELECT id, ssn, 1 AS n FROM %T WHERE id = 2 UNION ALL SELECT p.id, p.ssn, r.n + 1 FROM r JOIN %T p ON p.id = r.id + 2 WHERE r.n < 4) SELECT * FROM r ORDER BY n
WITH RECURSIVE r AS (SELECT id, id AS p, ssn FROM %T WHERE id = 2 UNION ALL SELECT p.id, r.id, p.ssn FROM r JOIN %T p ON p.id = r.id + 2) SEARCH DEPTH FIRST BY ssn SET ord CYCLE ssn SET cyc USING path SELECT id, ssn, ord, cyc, path FROM r ORDER BY id
SELECT p.id, l.* FROM %T p LEFT JOIN LATERAL (SELECT q.ssn, p.name FROM %T q WHERE q.id > p.id AND q.name = p.name ORDER BY q.id LIMIT 1) l ON true ORDER BY 1
SELECT p.id, v.* FROM %T p, LATERAL (VALUES (p.ssn, p.name), (p.email, 'x')) v(a, b) WHERE p.id < 5 ORDER BY 1, 2
SELECT p.id, k FROM %T p, jsonb_object_keys(p.profile) k WHERE p.id = 2 ORDER BY k
SELECT p.id, f.* FROM %T p, ROWS FROM (jsonb_array_elements_text(p.profile->'notes'), generate_series(1, length(p.ssn))) f(a, b) WHERE p.id = 2 ORDER BY b
SELECT a.id, b.id FROM %T a JOIN %T b ON a.salary IS NOT DISTINCT FROM b.salary AND a.born < b.born ORDER BY 1, 2 LIMIT 5
SELECT a.id, b.name FROM %T a FULL JOIN people_open b ON a.ssn = b.ssn ORDER BY 1, 2
SELECT * FROM %T a NATURAL JOIN people_open b ORDER BY 1
SELECT * FROM %T NATURAL FULL JOIN people_open b ORDER BY id, ssn LIMIT 3
SELECT ssn, a.id, b.id FROM %T a FULL JOIN people_open b USING (ssn) WHERE ssn LIKE '%74' ORDER BY 2, 3
SELECT id FROM %T WHERE (ssn, name) IN (SELECT ssn, name FROM %T WHERE id < 5) ORDER BY 1
SELECT id FROM %T WHERE (name, id) >= ('hidden', 10) ORDER BY 1
SELECT id FROM %T WHERE ROW(%T.*) IS NOT NULL ORDER BY 1
SELECT id FROM %T t WHERE t IS NULL
SELECT id FROM %T t WHERE NOT (t IS NULL) ORDER BY 1 LIMIT 2
SELECT id FROM %T WHERE ssn NOT IN (SELECT ssn FROM people_open) ORDER BY 1
SELECT id FROM %T WHERE name > ALL (SELECT name FROM people_open) ORDER BY 1
SELECT id, (SELECT max(q.ssn) FROM %T q WHERE q.name = %T.name AND q.id < %T.id) FROM %T ORDER BY 1
SELECT (SELECT ROW(ssn, name) FROM %T WHERE id = 4)
SELECT ARRAY(SELECT ROW(%T.*) FROM %T ORDER BY id)
SELECT array_agg(%T ORDER BY id) FROM %T
SELECT json_agg(%T ORDER BY ssn), jsonb_object_agg(id, %T) FROM %T
SELECT xmlforest(ssn, name), xmlelement(name e, xmlattributes(ssn)) FROM %T WHERE id = 2
SELECT to_json(%T), row_to_json(%T, true), %T::text AS t, (%T).*, hash_record(%T) = hash_record(%T) AS h FROM %T WHERE id = 2
SELECT t.ssn::bytea, t.name::char, t.born + 1, t.address << '10.0.0.0/8', t.profile ->> 'phone', t.profile['notes'][0], t.profile @? '$.notes[*] ? (@ starts with "RAW")' FROM %T t ORDER BY id LIMIT 2
SELECT CASE WHEN salary > 9000 THEN 'rich' WHEN salary IS NULL THEN 'masked' END, COALESCE(salary, 1), NULLIF(name, 'hidden'), GREATEST(ssn, name), LEAST(born, '1975-01-01') FROM %T ORDER BY id LIMIT 3
SELECT inlined(p), atomic(p), plpgsql(p), (p).inlined, p.inlined FROM %T p WHERE id = 2
SELECT s.* FROM (SELECT %T.*, row_number() OVER (ORDER BY ssn DESC) FROM %T) s WHERE row_number < 3 ORDER BY id
SELECT * FROM (SELECT DISTINCT ssn, name FROM %T) s WHERE s IS NOT NULL ORDER BY 1 LIMIT 2
SELECT (s.x).ssn, (s.x).name FROM (SELECT 1) d LEFT JOIN (SELECT %T AS x FROM %T WHERE id = 2) s ON true
SELECT o.id, p.name, p.ssn, coalesce(p.name, 'none') FROM people_open o LEFT JOIN (SELECT * FROM %T WHERE id > 15) p USING (id) ORDER BY 1
SELECT o.id, p.name FROM people_open o LEFT JOIN (%T p JOIN people_open q ON q.id = p.id AND q.id > 15) ON o.id = p.id ORDER BY 1
SELECT o.id, p.name IS NULL AS gone FROM people_open o LEFT JOIN %T p ON o.id = p.id WHERE p.name IS NULL ORDER BY 1
SELECT count(*) FROM people_open o WHERE NOT EXISTS (SELECT FROM %T p WHERE p.id = o.id AND p.name = 'hidden')
SELECT (SELECT count(*) FROM (SELECT DISTINCT p) z) FROM %T p ORDER BY 1 LIMIT 1
SELECT p.id, z.c FROM people_open p LEFT JOIN LATERAL (SELECT count(q) AS c, max(q.name) FROM %T q WHERE q.id = p.id) z ON true ORDER BY 1 LIMIT 3
SELECT * FROM %T_set() WHERE ssn LIKE '%74' ORDER BY id
SELECT * FROM %T_atomic() f WHERE id < 5 ORDER BY id
SELECT f FROM %T_set() f ORDER BY f.id LIMIT 1
SELECT o.id, f.ssn FROM people_open o, LATERAL %T_arg(o.id) f WHERE o.id < 5 ORDER BY 1
SELECT %T_plpgsql() ORDER BY 1 LIMIT 1
SELECT (%T_set()).ssn ORDER BY 1 LIMIT 1
SELECT o.id, %T_one(o.id) FROM people_open o WHERE id < 5 ORDER BY 1
SELECT * FROM %T_owner ORDER BY id LIMIT 2
SELECT v FROM %T_invoker v ORDER BY id LIMIT 2
SELECT * FROM %T_barrier WHERE name <> 'RAW' ORDER BY id LIMIT 2
SELECT * FROM %T_join ORDER BY id LIMIT 2
SELECT * FROM %T_groups ORDER BY 1 LIMIT 2
SELECT * FROM %T_nested ORDER BY id LIMIT 2
SELECT tableoid IS NOT NULL, %T.ctid IS NOT NULL, xmin::text IS NOT NULL, cmin::text IS NOT NULL FROM %T WHERE id = 2
SELECT p.ctid = q.ctid, p.tableoid = q.tableoid FROM %T p JOIN %T q ON p.ctid = q.ctid WHERE p.id = 2
SELECT id FROM %T WHERE ctid = ANY (ARRAY(SELECT ctid FROM %T WHERE id = 2))
SELECT o.id, p.ctid IS NULL, p.tableoid IS NULL FROM people_open o LEFT JOIN %T p ON p.id = o.id ORDER BY 1 LIMIT 3
SELECT id, ssn FROM %T TABLESAMPLE system (100) REPEATABLE (1) WHERE id < 5 ORDER BY id
SELECT o.id, count(p) FROM people_open o, LATERAL (SELECT * FROM %T TABLESAMPLE bernoulli (o.id * 0 + 100)) p WHERE o.id < 3 GROUP BY 1 ORDER BY 1
SELECT ssn FROM %T ORDER BY ssn COLLATE "C" DESC FETCH FIRST 2 ROWS WITH TIES
SELECT ssn FROM %T ORDER BY id LIMIT (SELECT count(*) FROM %T WHERE name = 'hidden') OFFSET 8
SELECT id FROM %T WHERE EXISTS (SELECT ssn INTERSECT SELECT ssn FROM people_open)
SELECT %T.*, count(*) FROM %T GROUP BY %T.id ORDER BY id LIMIT 2
SELECT name || ssn AS x, count(*) FROM %T GROUP BY x HAVING max(born) < '1990-01-01' ORDER BY x LIMIT 2
SELECT generate_series(1, length(ssn) - 9), ssn FROM %T WHERE id = 2
SELECT string_agg(ssn, ',' ORDER BY name, id) FROM %T GROUP BY born ORDER BY 1 LIMIT 2
SELECT a.id FROM %T a JOIN %T b ON a.ssn = b.ssn AND a.name = b.email ORDER BY 1
SELECT count(*) FROM %T a LEFT JOIN %T b ON a.id = b.id AND b.name = 'RAW' LEFT JOIN %T c ON c.ssn = b.ssn WHERE c.name IS NULL
SELECT count(*) FROM (SELECT id, name FROM %T UNION ALL SELECT id, name FROM people_open) u WHERE name = 'hidden'
SELECT u FROM (SELECT * FROM %T UNION ALL SELECT * FROM %T) u WHERE id = 2
SELECT id, sum(n) FROM (SELECT id, length(name) AS n FROM %T UNION ALL SELECT id, 1 FROM %T) u GROUP BY id ORDER BY 1 LIMIT 2
VALUES ((SELECT ssn FROM %T WHERE id = 2), (SELECT name FROM %T WHERE id = 4))
SELECT DISTINCT %T FROM %T WHERE id < 5 ORDER BY %T
SELECT id FROM %T WHERE %T > (SELECT q FROM %T q WHERE id = 16) ORDER BY id
SELECT json_build_object('a', %T.*) FROM %T WHERE id = 2
SELECT num_nulls(%T.name, salary), concat_ws('|', %T.*), format('%s', %T) FROM %T WHERE id = 2
INSERT INTO sink SELECT to_jsonb(%T) FROM %T WHERE id < 5 RETURNING *
INSERT INTO sink SELECT to_jsonb(ssn) FROM %T ORDER BY ssn DESC LIMIT 1 RETURNING *
INSERT INTO sink SELECT to_jsonb(p) FROM %T p ;; UPDATE sink SET j = to_jsonb(p) FROM %T p WHERE p.id = 2 AND j->>'id' = '2' RETURNING j, p.ssn, p
INSERT INTO sink SELECT to_jsonb(p) FROM %T p ;; DELETE FROM sink USING %T p WHERE (j->>'id')::int = p.id RETURNING p, j, p.name
WITH d AS (DELETE FROM %T WHERE id = 4 RETURNING *) SELECT d, name FROM d
WITH i AS (INSERT INTO %T (id, name, ssn, salary, born, tenant_id) VALUES (700, 'mine', 'mine', 5, '2001-02-03', 1) RETURNING id) SELECT * FROM i
WITH u AS (UPDATE %T SET owner = owner || 'x' WHERE name = 'hidden' AND id < 5 RETURNING *) SELECT id, owner, ssn, name FROM u ORDER BY id
UPDATE %T a SET owner = b.owner FROM %T b LEFT JOIN people_open o ON o.ssn = b.ssn WHERE a.id = b.id AND a.id = 6 RETURNING a.ssn, b.name, o.id, a, b
DELETE FROM %T a USING %T b WHERE a.name = b.name AND b.id = 8 AND a.id = 10 RETURNING a, b.ssn
INSERT INTO %T (id, tenant_id, ssn) VALUES (12, 1, 'new') ON CONFLICT (id) DO UPDATE SET owner = excluded.ssn RETURNING id, owner, ssn
INSERT INTO %T (id, tenant_id) VALUES (12, 1) ON CONFLICT (id) DO UPDATE SET owner = 'c' WHERE %T.name = 'hidden' AND %T.ssn LIKE '***%' RETURNING %T.*
INSERT INTO %T (id, tenant_id) VALUES (12, 1) ON CONFLICT DO NOTHING RETURNING %T.*
MERGE INTO %T p USING people_open o ON p.id = o.id AND p.name = 'hidden' AND o.id IN (14, 16) WHEN MATCHED AND p.ssn LIKE '***%' THEN UPDATE SET owner = o.name WHEN NOT MATCHED THEN DO NOTHING ;; SELECT s FROM %T s ORDER BY s::text
MERGE INTO %T p USING (SELECT 800 AS id) o ON p.id = o.id WHEN NOT MATCHED THEN INSERT (id, tenant_id, name) VALUES (o.id, 1, 'hidden') ;; SELECT s FROM %T s ORDER BY s::text
MERGE INTO sink s USING %T p ON (s.j->>'id')::int = p.id WHEN MATCHED THEN UPDATE SET j = to_jsonb(p) WHEN NOT MATCHED THEN INSERT VALUES (to_jsonb(p)) ;; SELECT s FROM sink s ORDER BY s::text
SELECT a.ssn, b.ssn FROM %T a, people_open b WHERE a.id = b.id AND a.id = 2 FOR UPDATE OF a NOWAIT
SELECT ssn FROM (SELECT * FROM %T FOR SHARE) s WHERE id = 2 FOR UPDATE
WITH c AS (SELECT * FROM %T WHERE id = 2 FOR UPDATE) SELECT ssn FROM c
UPDATE %T_owner SET owner = 'v' WHERE name = 'hidden' AND id = 16 RETURNING *
UPDATE %T_nested v SET owner = 'v' FROM %T t WHERE t.id = v.id AND v.id = 18 RETURNING v.*, t.*, v, t
DELETE FROM %T_invoker WHERE id = 20 RETURNING *
INSERT INTO %T_owner (id, tenant_id, name) VALUES (900, 1, 'x') RETURNING id
UPDATE %T_check SET owner = 'v' WHERE id = 16 RETURNING id, name
UPDATE %T_barrier SET owner = 'vb' WHERE id = 16 RETURNING id, name, ssn
DELETE FROM %T_barrier WHERE name = 'hidden' AND id = 16 RETURNING *
SELECT * FROM %T_definer() WHERE id = 2
SELECT query_to_xml('select id, ssn, name from %T where id = 2', true, true, '')::text
SELECT p.ssn FROM %T p WHERE p.id = 2 AND p.name = (SELECT q.name FROM %T q WHERE q.id = 4 FOR UPDATE)
\.
-- masked rows go into protected tables only
SELECT ward.protect('people_copy', label => NULL);
SET ROLE app;
SET ward.token = :'anna';
INSERT INTO people_copy SELECT * FROM people;
RESET ward.token;
RESET ROLE;
SELECT ward.unprotect('people_copy', 'it is the control arm');
SET ROLE app;
SET ward.token = :'anna';
CREATE TEMP TABLE results (n int, statement text, copy text, twin text);
INSERT INTO results
    SELECT n, statement, app.result(statement, 'people_copy'), app.result(statement, 'people_open') FROM statements;
-- none fails, and on the twin most would leak
SELECT statement, copy FROM results WHERE copy ~ '^[0-9A-Z]{5} ' ORDER BY n;
SELECT count(*) AS statements, count(*) FILTER (WHERE copy IS DISTINCT FROM twin) > 0.7 * count(*) AS most_would_leak FROM results;
-- the masked table itself: any line here is a leak, a wrong answer or a refusal
SELECT * FROM (SELECT statement, copy, app.result(statement, 'people') AS masked FROM results ORDER BY n) r WHERE copy IS DISTINCT FROM masked;
-- again, by other plans
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_hashagg = off; SET enable_seqscan = off;
SELECT * FROM (SELECT statement, copy, app.result(statement, 'people') AS masked FROM results ORDER BY n) r WHERE copy IS DISTINCT FROM masked;
RESET ward.token;
RESET ROLE;
DROP TABLE people, people_copy, people_open, sink, statements CASCADE;
DROP FUNCTION app.result;
