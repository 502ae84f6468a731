-- Roles that PostgreSQL's own row security spares: the table's owner, BYPASSRLS, superusers; views
-- and functions that run with the rights of such roles.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
\set seen 'SELECT string_agg(DISTINCT tenant_id::text, '','' ORDER BY tenant_id::text) AS tenants, count(*) FROM'
SET client_min_messages = warning;
-- made by the superuser: views run with the owner's rights, functions with the definer's
CREATE VIEW app.super_view AS SELECT * FROM docs;
CREATE VIEW app.invoker_view WITH (security_invoker) AS SELECT * FROM docs;
CREATE VIEW app.barrier_view WITH (security_barrier) AS SELECT * FROM docs;
CREATE VIEW app.nested_view AS SELECT * FROM super_view WHERE id > 0;
CREATE VIEW app.join_view AS SELECT d.*, o.body AS other FROM docs d JOIN docs_open o USING (id);
CREATE VIEW app.open_view AS SELECT * FROM docs_open;
CREATE FUNCTION app.definer_sql() RETURNS SETOF docs LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM docs';
CREATE FUNCTION app.definer_plpgsql() RETURNS SETOF docs LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY SELECT * FROM docs; END';
CREATE FUNCTION app.definer_dynamic() RETURNS SETOF docs LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN QUERY EXECUTE 'SELECT * FROM docs'; END$$;
CREATE FUNCTION app.definer_off() RETURNS SETOF docs LANGUAGE sql SECURITY DEFINER SET row_security = off AS 'SELECT * FROM docs';
CREATE FUNCTION app.definer_atomic() RETURNS SETOF docs LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT * FROM docs; END;
GRANT SELECT ON ALL TABLES IN SCHEMA app TO app, app_bypass;

-- control arm: the unprotected twin shows everything to everybody, and native row security lets all
-- of these through
SET ROLE app_owner;
CREATE TABLE native (LIKE docs);
INSERT INTO native SELECT * FROM docs_open;
ALTER TABLE native ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON native USING (tenant_id = 1);
GRANT SELECT ON native TO app, app_bypass;
:seen native;
RESET ROLE;
CREATE VIEW app.native_view AS SELECT * FROM native;
GRANT SELECT ON native_view TO app;
:seen native;
SET ROLE app;        :seen native;  :seen native_view;
RESET ROLE;
SET ROLE app_bypass; :seen native;
RESET ROLE;

-- each role, with a token of tenant 1
SET ROLE app;
SET ward.token = :'alice';
:seen docs;
:seen super_view;
:seen invoker_view;
:seen barrier_view;
:seen nested_view;
:seen join_view;
:seen open_view;
:seen definer_sql();
:seen definer_plpgsql();
:seen definer_dynamic();
:seen definer_off();
:seen definer_atomic();
SET ward.token = '';
:seen super_view;
:seen definer_off();
RESET ROLE;
SET ROLE app_owner;
SET ward.token = :'alice';
:seen docs;
:seen super_view;
SET row_security = off;
:seen docs;
RESET row_security;
SET ward.token = '';
:seen docs;
RESET ROLE;
SET ROLE app_bypass;
SET ward.token = :'alice';
:seen docs;
:seen super_view;
SET row_security = off;
:seen docs;
RESET row_security;
UPDATE docs SET body = 'mine' WHERE tenant_id <> 1;
DELETE FROM docs WHERE tenant_id <> 1;
INSERT INTO docs (id, tenant_id) VALUES (9100, 2);
SET ward.token = '';
:seen docs;
RESET ROLE;
-- the superuser itself
SET ward.token = :'alice';
:seen docs;
:seen super_view;
SET row_security = off;
:seen docs;
RESET row_security;
UPDATE docs SET body = 'mine' WHERE tenant_id <> 1;
DELETE FROM docs WHERE tenant_id <> 1;
INSERT INTO docs (id, tenant_id) VALUES (9100, 2);
SET ward.token = '';
:seen docs;
-- a superuser's way in, with a reason; nobody else's
SET ward.maintenance = 'look at the test data';
:seen docs;
SET ward.token = :'alice';
:seen docs;
SET ward.token = '';
RESET ward.maintenance;
SET ROLE app;
SET ward.maintenance = 'let me in';
:seen docs;
RESET ward.maintenance;
RESET ROLE;
SET ROLE app_bypass;
SET ward.maintenance = 'let me in';
:seen docs;
RESET ward.maintenance;
RESET ROLE;

-- statistics: what the planner knows about columns is hidden, from roles that bypass as well
ANALYZE docs;
ANALYZE docs_open;
SET ROLE app;
SET ward.token = :'alice';
SELECT tablename, count(*) FROM pg_stats WHERE tablename IN ('docs', 'docs_open') GROUP BY 1 ORDER BY 1;
SET ward.token = '';
RESET ROLE;
SET ROLE app_bypass;
SET ward.token = :'alice';
SELECT tablename, count(*) FROM pg_stats WHERE tablename IN ('docs', 'docs_open') GROUP BY 1 ORDER BY 1;
SET ward.token = '';
SELECT count(*) FROM pg_stats WHERE tablename = 'docs';
RESET ROLE;
SET ward.token = :'alice';
SELECT count(*) FROM pg_statistic WHERE starelid = 'docs'::regclass;
SET ward.token = '';

DROP VIEW app.native_view, app.nested_view, app.super_view, app.invoker_view, app.barrier_view, app.join_view, app.open_view;
DROP FUNCTION app.definer_sql, app.definer_plpgsql, app.definer_dynamic, app.definer_off, app.definer_atomic;
DROP TABLE app.native;
