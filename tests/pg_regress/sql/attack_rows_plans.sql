-- Plans that outlive the identity they were made for: prepared statements (custom, generic, without
-- parameters), PL/pgSQL, SQL functions, cursors, parallel workers.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
-- control arm: native row security with an IMMUTABLE helper keeps the first tenant in the plan
SET ROLE app_owner;
CREATE FUNCTION app.my_tenant() RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('my.tenant')::int$$;
CREATE TABLE native AS SELECT id, tenant_id FROM docs_open;
ALTER TABLE native ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON native USING (tenant_id = my_tenant());
GRANT SELECT ON native TO app;
RESET ROLE;
SET ROLE app;
SET my.tenant = 1;
PREPARE native AS SELECT DISTINCT tenant_id FROM native;
EXECUTE native;
SET my.tenant = 2;
EXECUTE native;
DEALLOCATE native;

\set seen 'SELECT string_agg(DISTINCT tenant_id::text, '','' ORDER BY tenant_id::text) AS tenants, count(*) FROM docs'
CREATE FUNCTION app.in_plpgsql() RETURNS text LANGUAGE plpgsql AS $$
DECLARE found_tenants text;
BEGIN
    SELECT string_agg(DISTINCT tenant_id::text, ',') INTO found_tenants FROM docs;
    RETURN found_tenants;
END $$;
CREATE FUNCTION app.in_sql() RETURNS text LANGUAGE sql AS $$SELECT string_agg(DISTINCT tenant_id::text, ',') FROM docs$$;
CREATE FUNCTION app.in_sql_set() RETURNS SETOF docs LANGUAGE sql STABLE AS $$SELECT * FROM docs$$;
CREATE FUNCTION app.in_sql_arg(int) RETURNS SETOF docs LANGUAGE sql STABLE AS $$SELECT * FROM docs WHERE id > $1$$;
CREATE FUNCTION app.in_atomic() RETURNS SETOF docs LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM docs; END;
CREATE FUNCTION app.nested() RETURNS SETOF docs LANGUAGE sql STABLE AS $$SELECT * FROM in_sql_set() WHERE id IN (SELECT id FROM in_atomic())$$;
PREPARE plain AS :seen;
PREPARE param(int) AS :seen WHERE id > $1;
PREPARE srf AS SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nested();
PREPARE own AS SELECT tenant(), subject(), string_agg(DISTINCT d.tenant_id::text, ',') FROM docs d;
SET ward.token = :'alice';
EXECUTE plain; EXECUTE param(0); EXECUTE srf; EXECUTE own; SELECT in_plpgsql(), in_sql();
SET plan_cache_mode = force_generic_plan;
EXECUTE plain; EXECUTE param(0); EXECUTE srf; EXECUTE own; SELECT in_plpgsql(), in_sql();
SET ward.token = :'bob';
EXECUTE plain; EXECUTE param(0); EXECUTE srf; EXECUTE own; SELECT in_plpgsql(), in_sql();
BEGIN;
SET LOCAL ward.token = :'alice';
EXECUTE plain; EXECUTE param(0); EXECUTE srf; EXECUTE own; SELECT in_plpgsql(), in_sql();
ROLLBACK;
EXECUTE plain; EXECUTE param(0); EXECUTE srf; EXECUTE own; SELECT in_plpgsql(), in_sql();
-- savepoints: an identity set after one goes with it
BEGIN;
SAVEPOINT a;
SET LOCAL ward.token = :'alice';
EXECUTE plain;
ROLLBACK TO a;
EXECUTE plain;
COMMIT;
SET ward.token = '';
EXECUTE plain;
EXECUTE srf;
SELECT in_plpgsql();
SET ward.token = :'bob';
EXECUTE plain;
RESET plan_cache_mode;

-- the functions wherever a function may stand
SET ward.token = :'alice';
SELECT count(*), max(tenant_id) FROM in_sql_set();
SELECT count(*), max(tenant_id) FROM in_sql_set() WITH ORDINALITY;
SELECT count(*), max(tenant_id) FROM in_atomic();
SELECT count(*), max(tenant_id) FROM nested();
SELECT count(*), max(f.tenant_id) FROM docs_open o, LATERAL in_sql_arg(o.id) f WHERE o.id > 110;
SELECT count(*), max(tenant_id) FROM ROWS FROM (in_sql_set(), generate_series(1, 3)) f;
SELECT count(*) FROM (SELECT in_sql_set()) s;
SELECT count(*) FROM docs_open WHERE id IN (SELECT (in_sql_set()).id);
SELECT count(*) FROM docs_open o WHERE EXISTS (SELECT FROM in_sql_arg(o.id - 1) f WHERE f.id = o.id);
CREATE TEMP VIEW over_function AS SELECT * FROM nested();
SELECT count(*), max(tenant_id) FROM over_function;
WITH u AS (UPDATE docs_open o SET body = o.body FROM in_sql_set() f WHERE f.id = o.id AND o.id < 10 RETURNING f.id, f.tenant_id, f) SELECT tenant_id, f FROM u ORDER BY id;
DO $$DECLARE n int; BEGIN SELECT max(tenant_id) INTO n FROM docs; RAISE NOTICE 'DO saw tenants up to %', n; END$$;
DO $$DECLARE r record; n int := 0; BEGIN FOR r IN SELECT * FROM docs LOOP n := greatest(n, r.tenant_id); END LOOP; RAISE NOTICE 'loop saw tenants up to %', n; END$$;

-- an open cursor keeps its identity, and the identity cannot change under it
BEGIN;
DECLARE c CURSOR FOR SELECT tenant_id FROM docs ORDER BY id;
FETCH 2 FROM c;
SAVEPOINT a;
SET LOCAL ward.token = :'bob';
ROLLBACK TO a;
FETCH 2 FROM c;
SELECT set_config('ward.token', :'bob', true) IS NOT NULL;
ROLLBACK TO a;
RESET ward.token;
ROLLBACK TO a;
DISCARD ALL;
ROLLBACK;
-- a cursor declared before the identity was set inside a savepoint that goes
BEGIN;
SAVEPOINT a;
SET LOCAL ward.token = :'bob';
DECLARE c CURSOR FOR SELECT tenant_id FROM docs ORDER BY id;
FETCH 1 FROM c;
RELEASE a;
FETCH 1 FROM c;
COMMIT;
SELECT subject FROM session();
-- rows are not kept beyond their transaction
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT tenant_id FROM docs;
ROLLBACK;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM in_plpgsql();
ROLLBACK;
DO $$DECLARE r record; BEGIN FOR r IN SELECT tenant_id FROM docs LOOP COMMIT; END LOOP; END$$;
-- a change of identity in the statement that reads
SELECT count(*) FROM docs WHERE set_config('ward.token', :'bob', false) IS NOT NULL;
SELECT set_config('ward.token', :'bob', false) IS NOT NULL, count(*) FROM docs;
WITH s AS MATERIALIZED (SELECT set_config('ward.token', :'bob', false)) SELECT count(*) FROM s, docs;
DO $$BEGIN PERFORM set_config('ward.token', '', false); PERFORM count(*) FROM docs; END$$;
SELECT subject FROM session();
SET ward.token = '';
RESET ROLE;
DROP TABLE native;
DROP VIEW over_function;
DROP FUNCTION app.my_tenant, app.in_plpgsql, app.in_sql, app.in_sql_set, app.in_sql_arg, app.in_atomic, app.nested;
