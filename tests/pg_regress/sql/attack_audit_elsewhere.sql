-- The projector works in every database that has events, with the rights of a superuser. Attempts to have it run somebody
-- else's code or read his tables. Control arm: what "evil" counts when its owner makes it run.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP DATABASE IF EXISTS ward_elsewhere;
CREATE ROLE elsewhere_owner LOGIN;
CREATE DATABASE ward_elsewhere TEMPLATE template0 OWNER elsewhere_owner;
SELECT current_database() AS here \gset
\c ward_elsewhere elsewhere_owner
SET client_min_messages = warning;
-- A sequence counts on where a transaction is rolled back.
CREATE SEQUENCE plain MINVALUE 0;
CREATE SEQUENCE super MINVALUE 0;
-- Its tables have the names of ward's, and columns of other types.
CREATE SCHEMA disguise;
CREATE FUNCTION evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    PERFORM nextval(CASE current_setting('is_superuser') WHEN 'on' THEN 'public.super' ELSE 'public.plain' END);
    RETURN $1;
END $$;
CREATE TABLE disguise.audit_cursor (origin int, name bigint, log int, next bigint);
INSERT INTO disguise.audit_cursor VALUES (1, 4242424242, 1, 0);
CREATE TABLE disguise.audit_rollback (boot bigint, session bigint, seq bigint, first_seq bigint, at timestamptz);
CREATE TABLE disguise.audit_block (day date NOT NULL, id uuid NOT NULL, kind text, body jsonb, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE disguise.audit_event (at timestamptz NOT NULL, origin int NOT NULL) PARTITION BY RANGE (at);
CREATE INDEX ON disguise.audit_block ((length(kind) + public.evil(1)));
CREATE INDEX ON disguise.audit_event ((origin + public.evil(1)));
ALTER SCHEMA disguise RENAME TO ward_internal;
SELECT is_called AS control FROM plain;
-- An event of this database wakes the projector.
ALTER ROLE elsewhere_owner SET work_mem = '5MB';
SELECT pg_sleep(1.5);
SELECT is_called AS ran FROM super;
SELECT count(*) AS partitions FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE c.relkind = 'p';
\c :here postgres
SET client_min_messages = warning;
-- The server is still there, and the event as well.
SELECT ward.audit_sync();
DROP DATABASE ward_elsewhere;
DROP ROLE elsewhere_owner;

-- The channel of the alerts
SET ROLE app;
LISTEN ward_alert;
LISTEN mine;
UNLISTEN *;
NOTIFY ward_alert, '{"kind": "denial"}';
NOTIFY mine, '{"kind": "denial"}';
DO $$ BEGIN EXECUTE 'LISTEN ward_alert'; END $$;
RESET ROLE;
NOTIFY ward_alert, '{"kind": "denial"}';

-- The triggers are not all that keeps the tables: a superuser who writes catalogs can disable them.
CREATE TABLE mine (LIKE ward_internal.audit_cursor INCLUDING ALL);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
CREATE TRIGGER keep BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION refuse();
BEGIN;
SET LOCAL allow_system_table_mods = on;
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname IN ('ward_audit_keep', 'keep');
SAVEPOINT s;
INSERT INTO mine VALUES (9, 'x', 9, 9);
COPY mine FROM stdin;
8	y	8	8
\.
SELECT count(*) AS control FROM mine;
SAVEPOINT s;
INSERT INTO ward_internal.audit_cursor VALUES (9, 'x', 9, 9);
ROLLBACK TO s;
COPY ward_internal.audit_cursor FROM stdin;
9	x	9	9
\.
ROLLBACK TO s;
DELETE FROM ward_internal.audit_event;
ROLLBACK TO s;
WITH x AS (UPDATE ward_internal.audit_block SET kind = 'x' RETURNING 1) SELECT count(*) FROM x;
ROLLBACK TO s;
MERGE INTO ward_internal.audit_cursor c USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE;
ROLLBACK;
SELECT verdict FROM ward.verify_audit() WHERE log IS NOT NULL;
DROP TABLE mine;
DROP FUNCTION refuse;
