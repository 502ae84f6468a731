-- Derived rows whose tenant, label and source live in a jsonb column, for frameworks that bear no others.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE papers (id int PRIMARY KEY, name text UNIQUE, tenant_id int, label ward.label);
CREATE TABLE haystack (id text PRIMARY KEY, content text, meta jsonb);
CREATE TABLE vectors (doc text PRIMARY KEY, tenant_id text, label ward.label);
INSERT INTO papers VALUES (1, 'one', 1, 'public'), (2, 'two', 1, 'confidential{pii}'), (3, 'three', 2, 'public');
INSERT INTO haystack VALUES ('old', 'x', '{"source": "two", "page": 1.50}'), ('lost', 'x', '{"source": "nowhere"}'), ('none', 'x', NULL);
RESET ROLE;
GRANT ALL ON papers, haystack, vectors TO app;
SELECT ward.protect('papers'), ward.protect('haystack', 'meta->_tenant', 'meta->_label'), ward.protect('vectors');
SELECT pg_temp.try('SELECT ward.derive(''haystack'', ''papers'', ''{meta->nothing}'', ''{id}'')'), pg_temp.try('SELECT ward.derive(''haystack'', ''papers'', ''{nope->source}'', ''{name}'')');
SELECT ward.derive('haystack', 'papers', '{meta->source}', '{name}', 'quarantine', '{"orphans": "quarantine"}');
SELECT ward.derive('vectors', 'haystack', '{doc}', '{id}');
\d haystack
SET ward.maintenance = 'look';
SELECT * FROM haystack ORDER BY id;
RESET ward.maintenance;
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO haystack VALUES ('a', 'x', '{"source": "two", "_label": "public"}'), ('b', 'x', '{"source": "two", "_label": null, "_tenant": "1"}'), ('c', 'x', '{"source": "one"}'), ('d', 'x', '{"source": "one", "_label": "internal"}') RETURNING id, meta;
SELECT pg_temp.try('INSERT INTO haystack VALUES (''e'', ''x'', ''{"source": "three"}'')'), pg_temp.try('INSERT INTO haystack VALUES (''e'', ''x'', ''{"source": "one", "_tenant": "2"}'')'), pg_temp.try('INSERT INTO haystack VALUES (''e'', ''x'', ''{"source": "none"}'')');
INSERT INTO haystack VALUES ('c', 'y', '{"source": "two"}') ON CONFLICT (id) DO UPDATE SET meta = excluded.meta RETURNING meta;
SELECT pg_temp.try('UPDATE haystack SET meta = meta - ''source'' WHERE id = ''c'''), pg_temp.try('UPDATE haystack SET meta = ''{"source": "one", "_label": "public"}'' WHERE id = ''c''');
UPDATE haystack SET meta = '{"source": "one"}' WHERE id = 'c' RETURNING meta;
INSERT INTO vectors VALUES ('a'), ('d') RETURNING *;
UPDATE papers SET label = 'confidential' WHERE id = 1;
SELECT h.id, meta, v.label FROM haystack h LEFT JOIN vectors v ON doc = h.id ORDER BY 1;
RESET ward.token;
RESET ROLE;
SELECT ward.declassify('papers', '{"id": 1}', 'internal', 'test');
SELECT ward.quarantine('haystack', '{"id": "a"}', 'test');
SET ward.maintenance = 'look';
DELETE FROM papers WHERE id = 1;
SELECT h.id, meta, v.tenant_id, v.label FROM haystack h LEFT JOIN vectors v ON doc = h.id ORDER BY 1;
RESET ward.maintenance;
SELECT ward.release('haystack', '{"id": "a"}', 'test');
SET ward.maintenance = 'look';
SELECT h.id, meta, v.label FROM haystack h JOIN vectors v ON doc = h.id WHERE h.id = 'a';
RESET ward.maintenance;
ALTER TABLE haystack RENAME COLUMN meta TO metadata;
SELECT child, child_key FROM ward.derivations ORDER BY 1;
SELECT pg_temp.try('ALTER TABLE haystack DROP COLUMN metadata');
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO haystack VALUES ('z', 'x', '{"source": "two"}') RETURNING metadata;
SELECT id FROM haystack ORDER BY metadata ->> 'page', id;
RESET ward.token;
RESET ROLE;
DROP TABLE papers, haystack, vectors CASCADE;
