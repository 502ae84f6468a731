-- What a session with a token may not do, whatever its database role may.
\set VERBOSITY terse
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET client_min_messages = warning;
GRANT app TO app_owner;
CREATE FUNCTION app.session_switch() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('role', 'app', false); RETURN current_user; END$$;
SET SESSION AUTHORIZATION app_owner;

-- control arm: without a token the role can change
SET ROLE app;                            RESET ROLE;
SET LOCAL ROLE app;                      RESET ROLE;
SET role = 'app';                        SET role TO DEFAULT;
SET "ROLE" TO app;                       SET ROLE NONE;
SET SESSION AUTHORIZATION app_owner;     RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION app_owner;
SELECT set_config('role', 'app', false); RESET ROLE;

SET ward.token = :'bob';
SET ROLE app;
SET LOCAL ROLE app;
SET role = 'app';
SET role TO DEFAULT;
SET "ROLE" TO app;
SET ROLE NONE;
RESET ROLE;
SET SESSION AUTHORIZATION app;
SET SESSION AUTHORIZATION DEFAULT;
SET session_authorization TO app;
RESET SESSION AUTHORIZATION;
LOAD 'pg_stat_statements';
DO 'BEGIN SET ROLE app; END';
SELECT current_user, count(*) FROM docs;

-- set_config passes no such statement: the next statement is refused, until the role is back
BEGIN;
SELECT set_config('role', 'app', true);
SELECT count(*) FROM docs;
ROLLBACK;
BEGIN;
SELECT set_config('role', 'app', true);
CREATE TABLE session_new (id int);
ROLLBACK;
SELECT session_switch(), (SELECT count(*) FROM docs);
SELECT count(*) FROM docs;
TABLE docs_open;
RESET ROLE;
DISCARD ALL;
SELECT current_user;
SET ward.token = :'bob';
SELECT current_user, count(*) FROM docs;

-- leaving an identity, too, has its time
BEGIN;
INSERT INTO docs (id, body) VALUES (1001, 'new');
SAVEPOINT s;
RESET ward.token;
ROLLBACK TO s;
SET ward.token TO DEFAULT;
ROLLBACK TO s;
RESET ALL;
ROLLBACK TO s;
SET ward.token = '';
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM docs ORDER BY id;
FETCH 1 FROM c;
SAVEPOINT s;
RESET ward.token;
ROLLBACK TO s;
CLOSE c;
RESET ward.token;
COMMIT;
RESET SESSION AUTHORIZATION;

-- functions: control arm first, as a superuser without a token
CREATE EXTENSION pageinspect;
CREATE EXTENSION dblink;
CREATE PROCEDURE session_try() LANGUAGE plpgsql AS $$
DECLARE
    call text;
    detail text;
BEGIN
    FOREACH call IN ARRAY ARRAY[
        'currtid2(''docs'', ''(0,1)'')', 'pg_read_file(''PG_VERSION'')', 'pg_read_binary_file(''PG_VERSION'')',
        'pg_stat_file(''PG_VERSION'')', 'pg_ls_dir(''base'')', 'pg_ls_waldir()', 'lo_create(4711)', 'lo_put(4711, 0, ''x'')',
        'lo_get(4711)', 'lo_open(4711, 262144)', 'lo_unlink(4711)', 'pg_stat_get_backend_activity(1)',
        'pg_logical_emit_message(false, ''x'', ''y'')', 'pg_cancel_backend(0)', 'pg_terminate_backend(0)',
        'get_raw_page(''docs'', 0)', 'dblink_get_connections()', 'pg_stat_get_activity(0)', 'now()', 'upper(''x'')'
    ] LOOP
        BEGIN
            EXECUTE 'SELECT ' || call;
            RAISE INFO '%: done', call;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            RAISE INFO '%: % %', call, SQLSTATE, concat_ws(' ', substring(detail from '^WD\d+'), SQLERRM);
        END;
    END LOOP;
END $$;
CALL session_try();
SELECT count(*) > 0 AS others FROM pg_stat_activity;
SELECT count(*) >= 0 AS prepared FROM pg_prepared_statements;
SET ward.token = :'bob';
CALL session_try();
SELECT count(*) > 0 AS others FROM pg_stat_activity;
SELECT count(*) >= 0 AS prepared FROM pg_prepared_statements;
-- by another name: an operator, an aggregate, a view, FROM, a default
CREATE OPERATOR public.<<<< (RIGHTARG = oid, FUNCTION = lo_get);
SELECT OPERATOR(public.<<<<) 4711::oid;
CREATE AGGREGATE public.read_all(text) (SFUNC = dblink_connect, STYPE = text);
SELECT read_all('host=x') FROM docs_open;
SELECT * FROM pg_ls_dir('base');
CREATE TEMP TABLE session_temp (t text DEFAULT pg_read_file('PG_VERSION'));
INSERT INTO session_temp DEFAULT VALUES;
EXPLAIN SELECT pg_read_file('PG_VERSION');
RESET ward.token;
DROP OPERATOR public.<<<< (NONE, oid);
DROP AGGREGATE public.read_all(text);
DROP PROCEDURE session_try;
DROP FUNCTION app.session_switch;
DROP EXTENSION pageinspect, dblink;
REVOKE app FROM app_owner;
