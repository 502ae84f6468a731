-- A session edits the document that carries the row's own tenant and label: neither may be lowered,
-- moved or removed, and nothing in it may be read by whoever the row is not for.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
CREATE TABLE memory (id int PRIMARY KEY, content text, meta jsonb);
INSERT INTO memory SELECT n, 'memory ' || n, jsonb_build_object('t', (n % 2 + 1)::text, 'l', CASE n % 4 WHEN 1 THEN 'confidential{pii}' ELSE 'public' END)
    FROM generate_series(0, 7) n;
CREATE TABLE memory_open AS TABLE memory;
ALTER TABLE memory_open ADD PRIMARY KEY (id);
GRANT ALL ON memory, memory_open TO app;
RESET ROLE;
SELECT ward.protect('memory', tenant => 'meta->t', label => 'meta->l');
SET ROLE app;
CREATE FUNCTION app.leak(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN RAISE NOTICE 'leak saw: %', what; RETURN false; END$$;
CREATE FUNCTION pg_temp.attack(edit text, id int DEFAULT 4) RETURNS TABLE (protected text, control text) LANGUAGE plpgsql AS $$
BEGIN
    control := pg_temp.try(format('UPDATE memory_open SET meta = %s WHERE id = %s', edit, id));
    protected := pg_temp.try(format('UPDATE memory SET meta = %s WHERE id = %s', edit, id));
    RETURN NEXT;
END $$;

-- alice may see row 4 (tenant 1, public) and row 5 is bob's; make 4 confidential{pii} first
SET ward.token = :'alice';
UPDATE memory SET meta = meta || '{"l": "confidential{pii}"}' WHERE id = 4;
SELECT meta FROM memory WHERE id = 4;
\set state 'SELECT (SELECT meta FROM memory WHERE id = 4) AS protected, (SELECT meta FROM memory_open WHERE id = 4) AS control'

-- removing: the values stay
SELECT * FROM pg_temp.attack($$meta - 'l'$$);
SELECT * FROM pg_temp.attack($$meta - '{t,l}'::text[]$$);
SELECT * FROM pg_temp.attack($$meta #- '{l}'$$);
SELECT * FROM pg_temp.attack($$'{}'$$);
SELECT * FROM pg_temp.attack($$NULL$$);
SELECT * FROM pg_temp.attack($$meta || '{"l": null, "t": null}'$$);
SELECT * FROM pg_temp.attack($$jsonb_strip_nulls(meta || '{"l": null}')$$);
:state;
-- lowering
SELECT * FROM pg_temp.attack($$meta || '{"l": "public"}'$$);
SELECT * FROM pg_temp.attack($$meta || '{"l": "confidential"}'$$);
SELECT * FROM pg_temp.attack($$jsonb_set(meta, '{l}', '"secret"')$$);
SELECT * FROM pg_temp.attack($$jsonb_set(meta, '{l}', '""')$$);
SELECT * FROM pg_temp.attack($$jsonb_set(meta, '{l}', '[]')$$);
SELECT * FROM pg_temp.attack($$jsonb_set(meta, '{l}', '["public"]')$$);
SELECT * FROM pg_temp.attack($$'{"t": "1", "l": "secret", "l": "public"}'$$);
SELECT * FROM pg_temp.attack($$(SELECT '{"l": "public"}'::jsonb)$$);
SELECT * FROM pg_temp.attack($$jsonb_build_object('l', 'public')$$);
SELECT pg_temp.try($$UPDATE memory SET meta['l'] = '"public"' WHERE id = 4$$), pg_temp.try($$UPDATE memory_open SET meta['l'] = '"public"' WHERE id = 4$$) AS control;
SELECT pg_temp.try($$UPDATE memory SET meta['l'] = 'null', meta['x'] = '1' WHERE id = 4$$), pg_temp.try($$UPDATE memory_open SET meta['l'] = 'null', meta['x'] = '1' WHERE id = 4$$) AS control;
SELECT pg_temp.try($$UPDATE memory SET (content, meta) = (SELECT 'x', '{"l": "public"}'::jsonb) WHERE id = 4$$);
SELECT pg_temp.try($$UPDATE memory m SET meta = o.meta FROM memory_open o WHERE o.id = 0 AND m.id = 4$$);
PREPARE lower(jsonb) AS UPDATE memory SET meta = $1 WHERE id = 4;
SELECT pg_temp.try($$EXECUTE lower('{"l": "public"}')$$);
SELECT pg_temp.try($$MERGE INTO memory m USING (VALUES (4)) v (id) ON m.id = v.id WHEN MATCHED THEN UPDATE SET meta = '{"l": "public"}'$$);
SELECT pg_temp.try($$MERGE INTO memory m USING (VALUES (4)) v (id) ON m.id = v.id WHEN MATCHED THEN UPDATE SET meta['l'] = '"public"'$$);
:state;
-- an upsert that names a lower label keeps the higher one
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (4, '{"l": "public"}') ON CONFLICT (id) DO UPDATE SET meta = excluded.meta$$);
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (4, '{"l": "public"}') ON CONFLICT (id) DO UPDATE SET meta = m.meta - 'l'$$);
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (4, '{}') ON CONFLICT (id) DO UPDATE SET meta['l'] = '"public"'$$);
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (4, '{}') ON CONFLICT (id) DO UPDATE SET meta = '{"l": "public", "t": "1"}'$$);
:state;
-- moving to another tenant
SELECT * FROM pg_temp.attack($$meta || '{"t": "2"}'$$);
SELECT * FROM pg_temp.attack($$meta || '{"t": 2}'$$);
SELECT * FROM pg_temp.attack($$meta || '{"t": ["1", "2"]}'$$);
SELECT * FROM pg_temp.attack($$meta || '{"t": "01"}'$$);
SELECT * FROM pg_temp.attack($$meta || '{"t": ""}'$$);
SELECT pg_temp.try($$UPDATE memory SET meta['t'] = '"2"' WHERE id = 4$$);
SELECT pg_temp.try($$INSERT INTO memory (id, meta) VALUES (4, '{"t": "2"}') ON CONFLICT (id) DO UPDATE SET meta = excluded.meta$$);
:state;
-- taking over a row of another tenant, or one above one's clearance
SELECT * FROM pg_temp.attack($$'{"t": "1", "l": "public"}'$$, 5);
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (5, '{}') ON CONFLICT (id) DO UPDATE SET meta = excluded.meta$$);
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (5, '{}') ON CONFLICT (id) DO UPDATE SET content = 'x' WHERE leak(m.meta::text)$$);
SELECT pg_temp.try($$MERGE INTO memory m USING (VALUES (5)) v (id) ON m.id = v.id WHEN MATCHED THEN UPDATE SET meta = '{}' WHEN NOT MATCHED THEN DO NOTHING$$);
SET ward.token = :'anna';
SELECT * FROM pg_temp.attack($$'{"t": "1", "l": "public"}'$$, 4);
SELECT pg_temp.try($$INSERT INTO memory AS m (id, meta) VALUES (4, '{"l": "public"}') ON CONFLICT (id) DO UPDATE SET meta = excluded.meta$$);
-- functions in conditions are shown no document but one's own
SELECT id FROM memory WHERE leak(meta::text);
SELECT id FROM memory_open WHERE id < 2 AND leak(meta::text);
SELECT id FROM memory WHERE meta @> '{"t": "2"}' OR meta->>'t' = '2' OR meta['t'] = '"2"';
-- a type cast in a condition cannot fail on a hidden row
SELECT pg_temp.try($$SELECT * FROM memory WHERE (meta->>'t')::int / ((meta->>'t')::int - 2) > 100$$), pg_temp.try($$SELECT * FROM memory_open WHERE (meta->>'t')::int / ((meta->>'t')::int - 2) > 100$$) AS control;
-- the functions themselves do no more than they say
SELECT pg_temp.try($$SELECT ward_internal.carried_fill('{}', 't', '1')$$);
SET ward.token = '';
RESET ROLE;
-- labels follow the data into documents: a copy is not lower than what it was copied from
SET ROLE app_owner;
CREATE TABLE summary (id int PRIMARY KEY, content text, meta jsonb);
GRANT ALL ON summary TO app;
RESET ROLE;
SELECT ward.protect('summary', tenant => 'meta->t', label => 'meta->l', options => '{"default_label": "public"}');
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO summary SELECT id, content FROM memory WHERE id IN (2, 4) RETURNING *;
INSERT INTO summary SELECT 10, string_agg(content, ''), '{"l": "public"}' FROM memory RETURNING meta;
INSERT INTO summary VALUES (11, 'x', '{"kept": 1}') RETURNING meta;
UPDATE summary s SET content = m.content FROM memory m WHERE m.id = 4 AND s.id = 11 RETURNING s.meta;
UPDATE summary SET meta = (SELECT jsonb_build_object('copied', content) FROM memory WHERE id = 4) WHERE id = 2 RETURNING meta;
INSERT INTO summary SELECT id, content, '{"l": "public"}' FROM memory WHERE id = 4 ON CONFLICT (id) DO UPDATE SET content = excluded.content, meta = excluded.meta RETURNING meta;
MERGE INTO summary s USING (SELECT * FROM memory WHERE id = 4) m ON s.id = 12 WHEN NOT MATCHED THEN INSERT VALUES (12, m.content, '{"l": "public"}');
SELECT meta FROM summary WHERE id = 12;
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'test data';
INSERT INTO memory VALUES (20, 'of 1', '{"t": "1", "l": "public"}'), (21, 'of 2', '{"t": "2", "l": "public"}');
RESET ward.maintenance;
SET ROLE app;
SET ward.token = :'carol';
SELECT pg_temp.try($$INSERT INTO summary SELECT 20, content, '{"t": "1"}' FROM memory WHERE id = 20$$);
SELECT pg_temp.try($$INSERT INTO summary SELECT 21, content, '{"t": "1"}' FROM memory WHERE id = 21$$);
SELECT pg_temp.try($$INSERT INTO summary SELECT 22, string_agg(content, ''), '{"t": "1"}' FROM memory$$);
SELECT pg_temp.try($$UPDATE summary s SET content = m.content FROM memory m WHERE m.id = 21 AND s.id = 20$$);
SET ward.token = '';
RESET ROLE;
-- lowering is an administrator's
SELECT ward.declassify('memory', '{"id": 4}', 'internal', 'test');
SELECT ward.quarantine('memory', '{"id": 2}', 'test');
SET ward.token = :'alice';
SELECT id, meta FROM memory WHERE id IN (2, 4) ORDER BY id;
SET ward.token = '';
SELECT ward.release('memory', '{"id": 2}', 'test');
SET ward.token = :'alice';
SELECT id, meta FROM memory WHERE id IN (2, 4) ORDER BY id;
SET ward.token = '';
SELECT ward.unprotect('summary', 'test');
DROP TABLE summary;
-- who owns the table cannot make another column of the name, nor a column of the carrier
SET ROLE app_owner;
SELECT pg_temp.try($$ALTER TABLE memory RENAME COLUMN meta TO m$$);
SELECT pg_temp.try($$ALTER TABLE memory DROP COLUMN meta$$);
SELECT pg_temp.try($$ALTER TABLE memory ALTER COLUMN meta SET DEFAULT '{"t": "2"}'$$);
SELECT pg_temp.try($$ALTER TABLE memory ADD COLUMN "meta->t" text DEFAULT '1'$$);
SET ward.token = :'alice';
SELECT id, meta FROM memory ORDER BY id;
SET ward.token = '';
RESET ROLE;
SELECT ward.unprotect('memory', 'test');
DROP TABLE memory, memory_open;
DROP FUNCTION app.leak;
