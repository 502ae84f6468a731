-- Flow into targets of every kind: generated columns, partitions by label, derived tables, triggers with
-- transition tables, views with INSTEAD OF triggers, prepared statements.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE papers (id int PRIMARY KEY, tenant_id int, label ward.label, body text);
INSERT INTO papers VALUES (1,1,'public','one'),(2,1,'internal','two'),(3,1,'confidential','three');
CREATE TABLE gen (id int, tenant_id int, label ward.label, body text, lvl text GENERATED ALWAYS AS (ward.level(label)) STORED);
CREATE TABLE parted (id int, tenant_id int, label ward.label, body text) PARTITION BY LIST (label);
CREATE TABLE parted_p PARTITION OF parted FOR VALUES IN ('public');
CREATE TABLE parted_d PARTITION OF parted DEFAULT;
CREATE TABLE chunks (id int, paper_id int, tenant_id int, label ward.label, body text);
CREATE TABLE logs (id serial, tenant_id int, label ward.label, body text);
CREATE TABLE bare (body text);
CREATE VIEW iv AS SELECT id, body FROM papers;
CREATE FUNCTION iv_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE papers SET body = NEW.body WHERE id = OLD.id; RETURN NEW; END $$;
CREATE TRIGGER t INSTEAD OF UPDATE ON iv FOR EACH ROW EXECUTE FUNCTION iv_f();
CREATE FUNCTION tr_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO logs (label, body) SELECT 'public', body FROM n; INSERT INTO bare SELECT body FROM n; RETURN NULL; END $$;
CREATE TRIGGER a AFTER INSERT ON chunks REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION tr_f();
GRANT ALL ON ALL TABLES IN SCHEMA app TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO app;
RESET ROLE;
SELECT ward.protect(t::regclass, options => '{"default_label":"public"}') FROM unnest('{papers,gen,parted,chunks,logs}'::text[]) t;
SELECT ward.derive('chunks','papers','{paper_id}','{id}');
SET ROLE app; SET ward.token = :'alice';
-- generated columns are computed where the statement names what they read
INSERT INTO gen (id, body) SELECT id, body FROM papers; SELECT * FROM gen ORDER BY id;
SELECT pg_temp.try('UPDATE gen g SET body = p.body FROM papers p WHERE p.id = 3');
SELECT pg_temp.try('UPDATE gen g SET label = g.label, body = p.body FROM papers p WHERE p.id = 3'); SELECT * FROM gen ORDER BY id;
-- rows are routed by the label that is stored
INSERT INTO parted (id, body) SELECT id, body FROM papers; SELECT tableoid::regclass, * FROM parted ORDER BY id;
UPDATE parted SET body = p.body FROM papers p WHERE p.id = 2; SELECT tableoid::regclass, * FROM parted ORDER BY id;
-- a derived row has its source's label, and that of what it was made from; transition tables carry theirs
INSERT INTO chunks (id, paper_id, body) SELECT p.id, 1, p.body FROM papers p; SELECT * FROM chunks ORDER BY id; SELECT * FROM logs ORDER BY id; TABLE bare;
-- a view with triggers is nobody's table
UPDATE iv SET body = 'x' WHERE id = 1; SELECT pg_temp.try('UPDATE iv SET body = (SELECT body FROM papers WHERE id = 3) WHERE id = 1');
-- prepared for one identity after the other
PREPARE p(int) AS INSERT INTO logs (body) SELECT body FROM papers WHERE id = $1 RETURNING label, body;
EXECUTE p(1); EXECUTE p(2); EXECUTE p(3);EXECUTE p(3);EXECUTE p(3);EXECUTE p(3);EXECUTE p(3);
SET ward.token = :'anna'; EXECUTE p(1); EXECUTE p(3);
-- a token of several tenants fills in the source's
SET ward.token = :'carol';
INSERT INTO chunks (id, paper_id, body) SELECT 9, p.id, p.body FROM papers p WHERE id < 3 RETURNING *;
SET ward.token=''; RESET ROLE;
DROP TABLE papers, gen, parted, chunks, logs, bare CASCADE; DROP FUNCTION iv_f, tr_f;
