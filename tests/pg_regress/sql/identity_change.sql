-- How an identity comes and goes: SET, SET LOCAL, set_config, RESET, DISCARD, functions, savepoints,
-- exceptions; and when it may not change.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
\set who 'SELECT subject() AS who'
SET ROLE app;
SELECT subject, tenants, clearance FROM session();
SET ward.token = :'alice';
SELECT subject, tenants, clearance FROM session();
SELECT tenant(), subject(), clearance(), claim('groups'), claim('iss'), claim('none');
-- what shows of the token is a summary, the same for the same token only
SELECT current_setting('ward.token') ~ '^<token [0-9a-f]{16}>$' AS redacted, current_setting('ward.token') <> :'alice' AS hidden;
SELECT setting ~ '^<token' FROM pg_settings WHERE name = 'ward.token';
SELECT set_config('ward.token', :'bob', false) ~ '^<token' AS redacted;
:who;
-- every way out
RESET ward.token;                          :who;
SET ward.token = :'alice';                 :who;
SET ward.token = DEFAULT;                  :who;
SET ward.token = :'alice';                 :who;
SET ward.token TO '';                      :who;
SET ward.token = :'alice';                 :who;
SELECT set_config('ward.token', NULL, false) IS NOT NULL; :who;
SET ward.token = :'alice';                 :who;
RESET ALL;                                 :who;
SET search_path = app, public, ward;
SET ward.token = :'alice';                 :who;
DISCARD ALL;
SET search_path = app, public, ward;
SELECT current_user = 'app';
:who;
SET ROLE app;
SELECT ward.login(:'alice');  :who;
BEGIN;
SELECT ward.login(:'alice');  :who;
COMMIT;
:who;
SELECT ward.login(:'alice', 'session'); :who;
SELECT ward.logout();         :who;
SELECT ward.login('nonsense', 'session');
SELECT ward.login(:'alice', 'forever');

-- transactions
SET ward.token = :'alice';
BEGIN;  SET LOCAL ward.token = :'bob';  :who;  COMMIT;                   :who;
BEGIN;  SET LOCAL ward.token = :'bob';  ROLLBACK;                        :who;
BEGIN;  SET ward.token = :'bob';  ROLLBACK;                              :who;
BEGIN;  SET ward.token = :'bob';  COMMIT;                                :who;
BEGIN;  SET LOCAL ward.token = :'anna';  SAVEPOINT a;  SET LOCAL ward.token = :'alice';  :who;
ROLLBACK TO a;  :who;  RELEASE a;  :who;  COMMIT;                        :who;
BEGIN;  SAVEPOINT a;  SET LOCAL ward.token = :'alice';  RELEASE a;  :who;  ROLLBACK;  :who;
SET LOCAL ward.token = :'alice';           :who;
-- an exception block takes back what was set in it
SET ward.token = '';
CREATE FUNCTION pg_temp.fails(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('ward.token', token, false);
    RAISE 'on purpose';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM || ', token: ' || current_setting('ward.token');
END $$;
BEGIN;
SELECT pg_temp.fails(:'alice');
COMMIT;
:who;
-- a function with a token of its own is not made
CREATE FUNCTION pg_temp.with_token() RETURNS text LANGUAGE sql SET ward.token FROM CURRENT AS 'SELECT 1';
SELECT format('CREATE FUNCTION pg_temp.with_token() RETURNS text LANGUAGE sql SET ward.token = %L AS ''SELECT 1''', :'alice') AS statement \gset
:statement;
RESET ROLE;
SELECT format('ALTER ROLE app SET ward.token = %L', :'alice') AS statement \gset
:statement;
SELECT format('ALTER DATABASE %I SET ward.token = %L', current_database(), :'alice') AS statement \gset
:statement;
SELECT format('ALTER SYSTEM SET ward.token = %L', :'alice') AS statement \gset
:statement;
SET ROLE app;

-- ordinary work under a token: temporary objects come and go
SET ward.token = :'alice';
CREATE TEMP TABLE scratch (id int);
CREATE INDEX ON scratch (id);
ALTER TABLE scratch ADD COLUMN body text;
CREATE TEMP VIEW scratch_view AS SELECT * FROM scratch;
DROP VIEW scratch_view;
DROP TABLE scratch;

-- no change after a write in the same transaction, protected or not
BEGIN;  SET LOCAL ward.token = :'alice';
UPDATE docs SET body = body WHERE id = 3;
SAVEPOINT a;
SET LOCAL ward.token = :'bob';                      ROLLBACK TO a;
SELECT set_config('ward.token', :'bob', true) <> '';  ROLLBACK TO a;
SET ward.token = '';                                ROLLBACK TO a;
RESET ward.token;                                   ROLLBACK TO a;
RESET ALL;                                          ROLLBACK TO a;
-- the same token again is no change
SET LOCAL ward.token = :'alice';
SELECT count(*) FROM docs;
-- NULL passes no check; the next statement notices
SELECT set_config('ward.token', NULL, true) <> '';
SELECT count(*) FROM docs;                          ROLLBACK TO a;
SELECT count(*) FROM docs;
ROLLBACK;
BEGIN;
UPDATE docs_open SET body = body WHERE id = 3;
SET LOCAL ward.token = :'bob';
ROLLBACK;
BEGIN;  SET LOCAL ward.token = :'alice';
UPDATE docs_open SET body = body WHERE id = 3;
SELECT set_config('ward.token', NULL, true) <> '';
SAVEPOINT a;
SELECT count(*) FROM docs;
ROLLBACK TO a;
ROLLBACK;
-- a write that a savepoint took back still counts: triggers may have run
BEGIN;  SET LOCAL ward.token = :'alice';
SAVEPOINT a;  UPDATE docs SET body = body WHERE id = 3;  ROLLBACK TO a;
SET LOCAL ward.token = :'bob';
ROLLBACK;
-- the session can always get out
BEGIN;
UPDATE docs_open SET body = body WHERE id = 3;
ROLLBACK;
SET ward.token = :'bob';  :who;

-- the database role cannot change under a token
SET ROLE app_owner;
RESET ROLE;
SET SESSION AUTHORIZATION app_owner;
SET LOCAL ROLE NONE;
SELECT set_config('role', 'app_owner', false);
SELECT count(*) FROM docs;
SELECT 1 AS unprotected;
SET ward.token = '';
SELECT current_user;
RESET ROLE;
-- maintenance: a reason, for superusers, and a token wins over it
SET ward.maintenance = 'because';
SELECT count(*) FROM docs;
SET ward.token = :'alice';
SELECT count(*) FROM docs;
SET ward.token = '';
SET ward.maintenance = '   ';
SET ward.maintenance = E'two\nlines';
SELECT set_config('ward.maintenance', repeat('x', 201), false);
RESET ward.maintenance;
SELECT count(*) FROM docs;
SET ward.tokn = 'typo';
