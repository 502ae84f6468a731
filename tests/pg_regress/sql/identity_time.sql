-- An identity over time: expiry in the middle of a transaction, work deferred to its end, procedures
-- that commit, and registry changes made by another session.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
-- the leeway is five seconds, so this token lives for two more
\set dying `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --ttl -3 --claims "{\"iss\":\"https://idp.test\",\"aud\":\"app-db\",\"sub\":\"alice\",\"tenant\":\"1\",\"clearance\":\"secret{pii}\",\"iat\":$(($(date +%s) - 100))}"`
SET ROLE app;
SET ward.token = :'dying';
BEGIN;
SELECT count(*) FROM docs;
PREPARE counting AS SELECT count(*) FROM docs;
EXECUTE counting;
DECLARE c CURSOR FOR SELECT id FROM docs ORDER BY id;
FETCH 1 FROM c;
SELECT pg_sleep(3.5);
SAVEPOINT a;
FETCH 1 FROM c;
ROLLBACK TO a;
EXECUTE counting;
ROLLBACK TO a;
SELECT count(*) FROM docs;
ROLLBACK;

-- deferred triggers and constraints run for the identity that wrote
RESET ward.token;
RESET ROLE;
SET ROLE app_owner;
CREATE TABLE late (id int PRIMARY KEY, doc_id int REFERENCES docs DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION app.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'at commit: % sees tenants %', ward.subject(), (SELECT string_agg(DISTINCT tenant_id::text, ',') FROM docs);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit();
GRANT ALL ON late TO app;
RESET ROLE;
SET ROLE app;
BEGIN;
SET LOCAL ward.token = :'alice';
INSERT INTO late VALUES (1, 1);
COMMIT;
BEGIN;
SET LOCAL ward.token = :'alice';
INSERT INTO late VALUES (2, 3);
SET LOCAL ward.token = :'bob';
ROLLBACK;
SET ward.token = :'bob';
BEGIN;
SET LOCAL ward.token = :'alice';
INSERT INTO late VALUES (2, 3);
SELECT set_config('ward.token', NULL, true) <> '';
COMMIT;
BEGIN;
INSERT INTO late VALUES (3, 9999);
COMMIT;
SELECT id FROM late ORDER BY id;
SET ward.token = '';

-- a procedure that works for several identities, one transaction each
CREATE PROCEDURE app.switching(tokens text[]) LANGUAGE plpgsql AS $$
DECLARE
    token text;
    tenants text;
BEGIN
    FOREACH token IN ARRAY tokens LOOP
        PERFORM set_config('ward.token', token, true);
        SELECT string_agg(DISTINCT tenant_id::text, ',') INTO tenants FROM docs;
        RAISE NOTICE '% sees %', ward.subject(), tenants;
        COMMIT;
    END LOOP;
    BEGIN
        SELECT string_agg(DISTINCT tenant_id::text, ',') INTO tenants FROM docs;
        RAISE NOTICE 'nobody sees %', tenants;
    EXCEPTION WHEN invalid_authorization_specification THEN
        RAISE NOTICE 'nobody sees nothing: %', SQLERRM;
    END;
END $$;
CALL app.switching(ARRAY[:'alice', :'bob', :'carol', :'alice', :'bob', :'carol', :'bob', :'bob']);
-- one that changes the identity under a loop over rows
CREATE FUNCTION app.under_loop(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    seen text := '';
BEGIN
    FOR r IN SELECT id, tenant_id FROM docs ORDER BY id LOOP
        PERFORM set_config('ward.token', token, false);
        seen := seen || r.tenant_id;
    END LOOP;
    RETURN seen;
END $$;
SET ward.token = :'alice';
SELECT pg_temp.try(format('SELECT under_loop(%L)', :'bob'));
SELECT subject();
SET ward.token = '';
RESET ROLE;

-- another session's changes act at the next statement of this one
SET ROLE app_owner;
CREATE TABLE later (id int, tenant_id int);
INSERT INTO later VALUES (1, 1), (2, 2);
GRANT SELECT ON later TO app;
RESET ROLE;
\setenv DB :DBNAME
SET ROLE app;
PREPARE all_rows AS SELECT string_agg(tenant_id::text, ',' ORDER BY id) FROM later;
SET plan_cache_mode = force_generic_plan;
EXECUTE all_rows;
\! psql -X -q -d "$DB" -c "SELECT ward.protect('app.later', label => NULL)" -o /dev/null
EXECUTE all_rows;
SET ward.token = :'alice';
EXECUTE all_rows;
BEGIN;
EXECUTE all_rows;
\! psql -X -q -d "$DB" -c "SELECT ward.revoke('subject', 'alice', 'left')" -o /dev/null
EXECUTE all_rows;
ROLLBACK;
\! psql -X -q -d "$DB" -c "DELETE FROM ward_internal.revocation"
EXECUTE all_rows;
\! psql -X -q -d "$DB" -c "SELECT ward.unprotect('app.later', 'test')" -o /dev/null
EXECUTE all_rows;
SET ward.token = '';
EXECUTE all_rows;
RESET ROLE;
DROP TABLE later, late;
DROP FUNCTION app.at_commit, app.under_loop;
DROP PROCEDURE app.switching;
