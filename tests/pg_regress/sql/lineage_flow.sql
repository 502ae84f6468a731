-- Flow without declaration: what a statement writes is labelled like the rows that it came from.
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
CREATE TABLE remarks (id int PRIMARY KEY, paper int, tenant_id int, label ward.label, remark text);
INSERT INTO remarks VALUES (1, 1, 1, 'public{pii}', 'r1'), (2, 1, 1, 'internal', 'r2'), (3, 3, 1, 'public', 'r3');
CREATE TABLE sums (id serial, tenant_id int, label ward.label DEFAULT 'public', what text);
CREATE TABLE flat (id int, tenant_id int, what text);
CREATE TABLE everyones (id int, label ward.label, what text);
CREATE TABLE bare (id int, what text);
GRANT ALL ON ALL TABLES IN SCHEMA app TO app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO app;
RESET ROLE;
SELECT ward.protect('papers');
SELECT ward.protect('remarks');
SELECT ward.protect('sums', options => '{"default_label": "public"}');
SELECT ward.protect('flat', label => NULL);
SELECT ward.protect('everyones', tenant => NULL, options => '{"default_label": "public"}');
CREATE VIEW app.letters AS SELECT id, topic FROM papers;
GRANT SELECT ON letters TO app;
-- stored(statement): the rows that an INSERT into sums stores, with their labels; nothing stays
CREATE FUNCTION app.stored(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sums;
    EXECUTE statement;
    RETURN QUERY SELECT what || ' ' || s.label::text FROM sums s ORDER BY 1;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN
    RETURN NEXT sqlstate || ' ' || sqlerrm;
END $$;
SET ROLE app;
SET ward.token = :'alice';

-- nothing comes from anywhere: the default, and the plan, are as before
SELECT stored('INSERT INTO sums (what) VALUES (''x''), (''y'')');
SELECT stored('INSERT INTO sums (what) SELECT ''x'' FROM generate_series(1, 2)');
-- one source, several, none matching
SELECT stored('INSERT INTO sums (what) SELECT body FROM papers');
SELECT stored('INSERT INTO sums (what, label) SELECT body, ''public'' FROM papers');
SELECT stored('INSERT INTO sums (what, label) SELECT body, ''internal{pii}'' FROM papers');
SELECT stored('INSERT INTO sums (what) SELECT body || remark FROM papers p JOIN remarks r ON r.paper = p.id');
SELECT stored('INSERT INTO sums (what) SELECT body || coalesce(remark, ''-'') FROM papers p LEFT JOIN remarks r ON r.paper = p.id');
SELECT stored('INSERT INTO sums (what) SELECT coalesce(body, ''-'') || remark FROM papers p RIGHT JOIN remarks r ON r.paper = p.id + 1');
SELECT stored('INSERT INTO sums (what) SELECT coalesce(body, ''-'') || coalesce(remark, ''-'') FROM papers p FULL JOIN remarks r ON r.paper = p.id + 1');
SELECT stored('INSERT INTO sums (what) SELECT x.b FROM (SELECT id, body AS b FROM papers) x WHERE x.id > 2');
SELECT stored('INSERT INTO sums (what) SELECT topic FROM letters');
SELECT stored('INSERT INTO sums (what) SELECT p.body || l.remark FROM papers p, LATERAL (SELECT remark FROM remarks r WHERE r.paper = p.id LIMIT 1) l');
-- what outer joins leave empty brings nothing along
SELECT stored('INSERT INTO sums (what) SELECT concat_ws('' '', p.id, s.n, v.x) FROM papers p LEFT JOIN (SELECT r.paper, concat(r.remark, q.topic) AS n FROM remarks r LEFT JOIN papers q ON q.id = r.paper + 1) s ON s.paper = p.id FULL JOIN (VALUES (1), (9)) v (x) ON v.x = p.id');
SELECT stored('INSERT INTO sums (what) SELECT concat(q.topic, count(*)) FROM remarks r LEFT JOIN papers q ON q.id = r.paper + 1 GROUP BY q.topic');
SELECT stored('INSERT INTO sums (what) SELECT concat_ws('' '', upper(q.topic), r.paper, count(*)) FROM remarks r LEFT JOIN papers q ON q.id = r.paper + 1 GROUP BY GROUPING SETS ((upper(q.topic)), (r.paper), ()) HAVING count(*) > 0');
SELECT stored('INSERT INTO sums (what) SELECT DISTINCT concat(coalesce(q.topic, ''-''), g) FROM generate_series(1, 2) g LEFT JOIN (remarks r JOIN papers q ON q.id = r.paper) ON r.id = g + 1');
SELECT stored('INSERT INTO sums (what) SELECT concat(id, a.topic, b.body) FROM papers a FULL JOIN (SELECT id + 3 AS id, body FROM papers) b USING (id) GROUP BY id, a.topic, b.body ORDER BY id');
SELECT stored('INSERT INTO sums (what) SELECT concat(r.remark, q.body) FROM remarks r LEFT JOIN papers q ON q.id = r.paper + 1 AND q.id IN (SELECT id FROM papers WHERE id < 3)');
SELECT stored('INSERT INTO sums (what) SELECT concat(r.remark, q.body) FROM remarks r LEFT JOIN papers q ON q.id = r.paper + 1 WHERE coalesce(q.id, 1) IN (SELECT p.id FROM papers p WHERE p.id = coalesce(q.id, 1) AND p.id < 3)');
SELECT stored('INSERT INTO sums (what) SELECT concat(r.remark, (SELECT max(p.body) FROM papers p WHERE p.topic = q.topic)) FROM remarks r LEFT JOIN papers q ON q.id = r.paper + 1');
-- groups
SELECT stored('INSERT INTO sums (what) SELECT topic || count(*) FROM papers GROUP BY topic');
SELECT stored('INSERT INTO sums (what) SELECT topic FROM papers GROUP BY topic HAVING count(*) > 1');
SELECT stored('INSERT INTO sums (what) SELECT count(*) FROM papers');
SELECT stored('INSERT INTO sums (what) SELECT count(*) FROM papers WHERE id < 0');
SELECT stored('INSERT INTO sums (what) SELECT count(*) FROM papers HAVING count(*) > 0');
SELECT stored('INSERT INTO sums (what) SELECT coalesce(topic, ''all'') || count(*) FROM papers GROUP BY ROLLUP (topic)');
SELECT stored('INSERT INTO sums (what) SELECT DISTINCT topic FROM papers');
SELECT stored('INSERT INTO sums (what) SELECT DISTINCT ON (topic) topic || id FROM papers ORDER BY topic, id DESC');
SELECT stored('INSERT INTO sums (what) SELECT string_agg(n, '','') FROM (SELECT topic || count(*) AS n FROM papers GROUP BY topic) g');
SELECT stored('INSERT INTO sums (what) SELECT p.topic || count(r.id) FROM papers p LEFT JOIN remarks r ON r.paper = p.id GROUP BY p.topic');
-- order and limit
SELECT stored('INSERT INTO sums (what) SELECT body FROM papers ORDER BY length(body), id LIMIT 1');
SELECT stored('INSERT INTO sums (what) SELECT body FROM papers ORDER BY id DESC OFFSET 1 ROW FETCH FIRST 1 ROW WITH TIES');
-- set operations
SELECT stored('INSERT INTO sums (what) SELECT body FROM papers UNION ALL SELECT remark FROM remarks UNION ALL SELECT ''const''');
SELECT stored('INSERT INTO sums (what) (SELECT body FROM papers ORDER BY id DESC LIMIT 1) UNION ALL (SELECT remark FROM remarks ORDER BY length(remark), id LIMIT 1)');
SELECT stored('INSERT INTO sums (what) SELECT topic FROM papers UNION SELECT topic FROM papers');
SELECT stored('INSERT INTO sums (what) SELECT topic FROM papers UNION ALL SELECT topic FROM papers UNION SELECT remark FROM remarks ORDER BY 1 DESC LIMIT 2');
SELECT stored('INSERT INTO sums (what) SELECT topic || n FROM (SELECT topic, 1 AS n FROM papers UNION (SELECT ''a'', 1 UNION ALL SELECT ''a'', 2) UNION SELECT remark, id FROM remarks) u');
SELECT stored('INSERT INTO sums (what) SELECT l.t FROM papers p, LATERAL (SELECT p.topic AS t UNION SELECT r.remark FROM remarks r WHERE r.paper = p.id) l');
SELECT stored('INSERT INTO sums (what) SELECT topic FROM papers UNION SELECT topic FROM papers UNION ALL SELECT ''c''');
SELECT stored('WITH c AS (SELECT topic FROM papers) INSERT INTO sums (what) WITH d AS (SELECT * FROM c) SELECT topic FROM d UNION SELECT topic || topic FROM c');
SELECT stored('INSERT INTO sums (what) VALUES ((SELECT topic FROM papers WHERE id < 3 UNION SELECT ''a''))');
SELECT stored('INSERT INTO sums (what) SELECT topic FROM papers EXCEPT SELECT ''a''');
-- WITH
SELECT stored('WITH c AS (SELECT id, body FROM papers WHERE id < 4) INSERT INTO sums (what) SELECT body FROM c');
SELECT stored('INSERT INTO sums (what) WITH c AS MATERIALIZED (SELECT id, body FROM papers WHERE id < 4) SELECT a.body || b.body FROM c a JOIN c b ON a.id = b.id + 1');
SELECT stored('INSERT INTO sums (what) WITH c AS (SELECT * FROM papers), d AS (SELECT topic, count(*) n FROM c GROUP BY 1) SELECT topic || n FROM d');
SELECT stored('INSERT INTO sums (what) WITH RECURSIVE c AS (SELECT 1 AS n, body FROM papers WHERE id = 1 UNION ALL SELECT n + 1, body FROM c WHERE n < 2) SELECT body FROM c');
SELECT stored('WITH c AS (SELECT body FROM papers WHERE id = 2) INSERT INTO sums (what) SELECT c::text FROM c');
-- windows
SELECT stored('INSERT INTO sums (what) SELECT first_value(body) OVER (ORDER BY id) FROM papers WHERE id < 3');
-- sub-selects in expressions
SELECT stored('INSERT INTO sums (what) VALUES ((SELECT body FROM papers WHERE id = 3))');
SELECT stored('INSERT INTO sums (what) VALUES (''x''), ((SELECT body FROM papers WHERE id = 2))');
SELECT stored('INSERT INTO sums (what) VALUES ((SELECT count(*) FROM papers WHERE id < 3))');
SELECT stored('INSERT INTO sums (what) VALUES (array_to_string(ARRAY(SELECT body FROM papers WHERE id < 4 ORDER BY 1), '' ''))');
SELECT stored('INSERT INTO sums (what) VALUES ((SELECT body FROM papers ORDER BY id LIMIT 1))');
SELECT stored('INSERT INTO sums (what) VALUES ((SELECT body FROM papers WHERE id < 4 ORDER BY random() LIMIT 1) IS NULL)');
SELECT stored('INSERT INTO sums (what) VALUES (EXISTS (SELECT FROM papers WHERE id = 3))');
SELECT stored('INSERT INTO sums (what) SELECT remark || (SELECT body FROM papers p WHERE p.id = r.paper) FROM remarks r');
SELECT stored('INSERT INTO sums (what) SELECT topic || (SELECT count(*) FROM remarks) FROM papers GROUP BY topic');
SELECT stored('INSERT INTO sums (what) SELECT g FROM generate_series(1, 3) g WHERE g IN (SELECT id FROM papers WHERE id < 3)');
SELECT stored('INSERT INTO sums (what) SELECT g FROM generate_series(1, 4) g WHERE EXISTS (SELECT FROM papers WHERE id = g)');
SELECT stored('INSERT INTO sums (what) SELECT g FROM generate_series(1, (SELECT max(id) FROM papers)) g WHERE g < 2');
SELECT stored('WITH c AS (SELECT * FROM papers WHERE id < 4) INSERT INTO sums (what) SELECT (SELECT body FROM c WHERE c.id = g) FROM generate_series(1, 3) g');
-- whole rows
SELECT stored('INSERT INTO sums (what) SELECT p.body FROM papers p WHERE p IS NOT NULL');
SELECT stored('INSERT INTO sums (what) SELECT to_jsonb(x)::text FROM (SELECT id FROM papers WHERE id = 1) x');

-- data-modifying WITH
SELECT stored('WITH d AS (UPDATE remarks SET remark = remark || ''!'' WHERE id < 3 RETURNING remark) INSERT INTO sums (what) SELECT remark FROM d');
SELECT stored('WITH d AS (DELETE FROM remarks WHERE id = 2 RETURNING *) INSERT INTO sums (what) SELECT remark FROM d');
SELECT stored('WITH d AS (INSERT INTO remarks (id, remark) SELECT id + 10, body FROM papers RETURNING remark) INSERT INTO sums (what) SELECT remark FROM d');
SELECT id, label, remark FROM remarks ORDER BY 1;

-- UPDATE
CREATE FUNCTION pg_temp.after(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM remarks WHERE id > 20;
    INSERT INTO remarks (id, paper, label, remark) SELECT 20 + n, n, 'public', 'r' || n FROM generate_series(1, 4) n;
    EXECUTE statement;
    RETURN QUERY SELECT concat_ws(' ', r.id, remark, r.label) FROM remarks r WHERE r.id > 20 ORDER BY r.id;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN
    RETURN NEXT sqlstate || ' ' || sqlerrm;
END $$;
SELECT pg_temp.after('UPDATE remarks SET remark = ''x'' WHERE id > 20');
SELECT pg_temp.after('UPDATE remarks r SET remark = p.body FROM papers p WHERE p.id = r.paper AND r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET remark = ''const'' FROM papers p WHERE p.id = r.paper AND r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET remark = (SELECT body FROM papers p WHERE p.id = r.paper) WHERE r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET (remark, label) = (SELECT body, ''internal''::ward.label FROM papers p WHERE p.id = r.paper) WHERE r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET label = ''internal'', remark = p.body FROM papers p JOIN generate_series(1, 9) g ON g = p.id WHERE g = r.paper AND r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET label = NULL, remark = p.body FROM papers p WHERE p.id = r.paper AND r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET remark = o.remark FROM remarks o WHERE o.id = 1 AND r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET remark = s.n FROM (SELECT topic, count(*)::text n, min(id) i FROM papers GROUP BY 1) s WHERE s.i = r.paper AND r.id > 20');
SELECT pg_temp.after('UPDATE remarks r SET remark = ''seen'' WHERE r.id > 20 AND EXISTS (SELECT FROM papers p WHERE p.id = r.paper)');
-- ON CONFLICT
SELECT pg_temp.after('INSERT INTO remarks (id, remark) VALUES (21, ''x'') ON CONFLICT (id) DO UPDATE SET remark = excluded.remark');
SELECT pg_temp.after('INSERT INTO remarks (id, label, remark) SELECT id + 20, ''public'', body FROM papers ON CONFLICT (id) DO UPDATE SET remark = excluded.remark');
SELECT pg_temp.after('INSERT INTO remarks (id, label, remark) SELECT id + 20, ''public'', body FROM papers ON CONFLICT (id) DO UPDATE SET remark = ''const''');
SELECT pg_temp.after('INSERT INTO remarks (id, label, remark) VALUES (21, ''public'', ''x'') ON CONFLICT (id) DO UPDATE SET remark = (SELECT body FROM papers WHERE id = 3)');
-- MERGE
SELECT pg_temp.after('MERGE INTO remarks r USING papers p ON p.id = r.paper AND r.id > 20 WHEN MATCHED THEN UPDATE SET remark = p.body');
SELECT pg_temp.after('MERGE INTO remarks r USING papers p ON p.id = r.paper AND r.id > 20 WHEN MATCHED THEN UPDATE SET remark = ''const''');
SELECT pg_temp.after('MERGE INTO remarks r USING (SELECT id + 30 AS n, body FROM papers) p ON p.n = r.id WHEN NOT MATCHED THEN INSERT (id, label, remark) VALUES (n, ''public'', body)');

-- where labels, tenants or protection are missing
SELECT pg_temp.try('INSERT INTO flat (what) SELECT body FROM papers WHERE id = 1');
SELECT pg_temp.try('INSERT INTO flat (what) SELECT body FROM papers WHERE id = 2');
SELECT pg_temp.try('INSERT INTO flat (what) SELECT first_value(body) OVER () FROM papers');
SELECT pg_temp.try('UPDATE flat SET what = (SELECT body FROM papers WHERE id = 2)');
SELECT pg_temp.try('INSERT INTO everyones (what) SELECT body FROM papers');
SELECT pg_temp.try('INSERT INTO everyones (what) SELECT what FROM everyones');
SELECT pg_temp.try('INSERT INTO bare (what) SELECT body FROM papers');
SELECT pg_temp.try('INSERT INTO bare (what) SELECT count(*) FROM letters');
SELECT pg_temp.try('INSERT INTO bare (what) VALUES ((SELECT body FROM papers WHERE id = 1))');
SELECT pg_temp.try('UPDATE bare SET what = (SELECT body FROM papers WHERE id = 1)');
SELECT pg_temp.try('INSERT INTO bare (what) SELECT ''x'' WHERE EXISTS (SELECT FROM papers)');
SELECT pg_temp.try('DELETE FROM bare USING papers');
SELECT pg_temp.try('WITH d AS (DELETE FROM remarks WHERE id > 20 RETURNING *) INSERT INTO bare (what) SELECT remark FROM d');

-- several tenants
SET ward.token = :'carol';
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT tenant_id, body FROM papers');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT 1, body FROM papers WHERE tenant_id = 1');
SELECT pg_temp.try('INSERT INTO sums (what) SELECT ''of '' || tenant_id FROM papers');
SELECT pg_temp.try('INSERT INTO sums (what) SELECT count(*) FROM papers');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT 1, body FROM papers');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT tenant_id, count(*) FROM papers GROUP BY 1');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT 1, count(*) FROM papers');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT a.tenant_id, a.body || b.body FROM papers a JOIN papers b ON a.tenant_id <> b.tenant_id');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) VALUES (2, (SELECT body FROM papers WHERE id = 1))');
SELECT pg_temp.try('INSERT INTO sums (tenant_id, what) SELECT tenant_id, first_value(body) OVER () FROM papers');
SELECT pg_temp.try('UPDATE sums SET what = body FROM papers p WHERE p.id = 6');
SELECT pg_temp.try('UPDATE sums s SET what = body FROM papers p WHERE p.id = 1 AND s.tenant_id = 1');
SELECT pg_temp.try('UPDATE sums SET tenant_id = 2, what = body FROM papers p WHERE p.id = 1');
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'compare';
SELECT tenant_id, label, what FROM sums ORDER BY 1, 3;
RESET ward.maintenance;
DROP FUNCTION app.stored;
DROP VIEW app.letters;
DROP TABLE papers, remarks, sums, flat, everyones, bare;
