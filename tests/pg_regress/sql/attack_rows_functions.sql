-- SQL functions that core would expand into the query after the pass: every shape of them, and
-- functions that run while a statement is being planned.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET ROLE app;
CREATE FUNCTION app.f_table() RETURNS TABLE (id int, tenant int) LANGUAGE sql STABLE AS 'SELECT id, tenant_id FROM docs';
CREATE FUNCTION app.f_record() RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT id, tenant_id FROM docs';
CREATE FUNCTION app.f_scalar() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT tenant_id FROM docs';
CREATE FUNCTION app.f_poly(anyelement) RETURNS SETOF anyelement LANGUAGE sql STABLE AS 'SELECT $1 FROM docs WHERE tenant_id <> 1';
CREATE FUNCTION app.f_variadic(VARIADIC ids int[]) RETURNS SETOF docs LANGUAGE sql STABLE AS 'SELECT * FROM docs WHERE id = ANY (ids)';
CREATE FUNCTION app.f_default(minimum int DEFAULT 0) RETURNS SETOF docs LANGUAGE sql STABLE AS 'SELECT * FROM docs WHERE id > minimum';
CREATE FUNCTION app.f_union() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT tenant_id FROM docs UNION ALL SELECT tenant_id FROM docs';
CREATE FUNCTION app.f_cte() RETURNS SETOF int LANGUAGE sql STABLE AS 'WITH d AS (SELECT * FROM docs) SELECT tenant_id FROM d';
CREATE FUNCTION app.f_sublink() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT (SELECT max(tenant_id) FROM docs) FROM generate_series(1, 2)';
CREATE FUNCTION app.f_deep() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT tenant FROM f_table() WHERE id IN (SELECT d.id FROM f_default() d, LATERAL f_variadic(d.id) v)';
CREATE FUNCTION app.f_volatile() RETURNS SETOF docs LANGUAGE sql VOLATILE AS 'SELECT * FROM docs';
CREATE FUNCTION app.f_strict(int) RETURNS SETOF docs LANGUAGE sql STABLE STRICT AS 'SELECT * FROM docs WHERE id > $1';
CREATE FUNCTION app.f_one() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT max(tenant_id) FROM docs';
CREATE FUNCTION app.f_row() RETURNS docs LANGUAGE sql STABLE AS 'SELECT * FROM docs ORDER BY tenant_id DESC LIMIT 1';
CREATE FUNCTION app.f_returning() RETURNS SETOF int LANGUAGE sql VOLATILE AS 'UPDATE docs SET body = body RETURNING tenant_id';
CREATE FUNCTION app.f_immutable() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT max(tenant_id) FROM docs';
CREATE FUNCTION app.f_planned() RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RETURN (SELECT string_agg(DISTINCT tenant_id::text, ',') FROM docs); END$$;
CREATE AGGREGATE app.spy_max(int) (SFUNC = int4larger, STYPE = int);
-- control arm: the same shape over the twin
CREATE FUNCTION app.f_open() RETURNS TABLE (id int, tenant int) LANGUAGE sql STABLE AS 'SELECT id, tenant_id FROM docs_open';
SELECT count(*), max(tenant) FROM f_open();

SET ward.token = :'alice';
SELECT count(*), max(tenant) FROM f_table();
SELECT count(*), max(t) FROM f_record() AS r(i int, t int);
SELECT count(*), max(f) FROM f_scalar() f;
SELECT count(*) FROM f_poly('x'::text);
SELECT count(*), max(tenant_id) FROM f_variadic(1, 2, 3, 6);
SELECT count(*), max(tenant_id) FROM f_default();
SELECT count(*), max(tenant_id) FROM f_default(60);
SELECT count(*), max(f) FROM f_union() f;
SELECT count(*), max(f) FROM f_cte() f;
SELECT count(*), max(f) FROM f_sublink() f;
SELECT count(*), max(f) FROM f_deep() f;
SELECT count(*), max(tenant_id) FROM f_volatile();
SELECT count(*), max(tenant_id) FROM f_strict(0);
SELECT f_one(), (f_row()).tenant_id, f_immutable(), f_planned();
SELECT count(*), max(f) FROM f_returning() f;
SELECT count(*), spy_max(tenant_id) FROM docs;
SELECT (SELECT max(tenant) FROM f_table() WHERE id < o.id) FROM docs_open o WHERE id = 50;
SELECT count(*) FROM docs_open WHERE tenant_id IN (SELECT f_scalar());
SELECT count(*) FROM docs_open o JOIN f_table() f USING (id) LEFT JOIN f_default() d USING (id);
SELECT max(x.tenant) FROM docs_open o CROSS JOIN LATERAL (SELECT * FROM f_table() f WHERE f.id = o.id) x;
INSERT INTO docs (id) SELECT 9400 FROM f_poly(1);
DELETE FROM docs_open WHERE id IN (SELECT id FROM f_table()) AND tenant_id <> 1;
SELECT count(*) FROM (VALUES ((SELECT max(tenant) FROM f_table()))) v (n) WHERE n = 1;
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, f_variadic(n * 3) WHERE n < 3) SELECT count(*) FROM r;
-- without an identity, and with another one; nothing of the first remains in a plan
PREPARE folded AS SELECT f_immutable(), f_planned(), (SELECT count(*) FROM docs WHERE tenant_id::text = f_planned());
EXECUTE folded;
SET plan_cache_mode = force_generic_plan;
EXECUTE folded;
SET ward.token = :'bob';
EXECUTE folded;
SELECT count(*), max(tenant) FROM f_table();
SELECT f_one(), (f_row()).tenant_id, f_immutable(), f_planned();
SET ward.token = '';
SELECT count(*) FROM f_table();
SELECT f_one();
SELECT f_planned();
EXECUTE folded;
RESET plan_cache_mode;

-- results of functions that are declared IMMUTABLE are kept in plans that name nothing protected:
-- statements, simple expressions of PL/pgSQL, and the application's own policies
CREATE FUNCTION app.f_me() RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ward.subject()';
CREATE FUNCTION app.f_expression() RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RETURN f_planned() || ', ' || f_me(); END$$;
CREATE FUNCTION app.f_setting() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('my.tenant')$$;
RESET ROLE;
SET ROLE app_owner;
CREATE TABLE native AS SELECT id, tenant_id FROM docs_open;
ALTER TABLE native ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON native USING (tenant_id::text = app.f_planned());
GRANT SELECT ON native TO app;
RESET ROLE;
SET ROLE app;
PREPARE kept AS SELECT f_planned(), f_me();
PREPARE own_policy AS SELECT DISTINCT tenant_id FROM native;
-- control arm: a setting that ward does not know of stays in the plan
SET my.tenant = 'first';
PREPARE setting AS SELECT f_setting();
EXECUTE setting;
SET my.tenant = 'second';
EXECUTE setting;
SET ward.token = :'alice';
EXECUTE kept;
EXECUTE own_policy;
SELECT f_expression();
SET ward.token = :'bob';
EXECUTE kept;
EXECUTE own_policy;
SELECT f_expression();
SET ward.token = '';
EXECUTE kept;
EXECUTE own_policy;
SELECT f_expression();
BEGIN;
SET LOCAL ward.token = :'alice';
SELECT f_expression();
EXECUTE kept;
COMMIT;
SELECT f_expression();
EXECUTE kept;
SET ward.token = :'alice';
SELECT f_expression();
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'look';
SELECT f_planned();
CREATE FUNCTION app.f_super() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN f_planned(); END$$;
SELECT f_super();
RESET ward.maintenance;
SELECT f_super();
SET ROLE app;
SET ward.token = :'alice';
SELECT f_super();
SET ward.token = '';
RESET ROLE;
DROP TABLE native;
DROP FUNCTION app.f_me, app.f_expression, app.f_setting, app.f_super;
DROP AGGREGATE app.spy_max(int);
DROP FUNCTION app.f_table, app.f_record, app.f_scalar, app.f_poly, app.f_variadic, app.f_default, app.f_union, app.f_cte, app.f_sublink, app.f_deep, app.f_volatile, app.f_strict, app.f_one, app.f_row, app.f_returning, app.f_immutable, app.f_planned, app.f_open;
RESET ROLE;
