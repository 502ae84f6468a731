-- The owner of a table is not an administrator of its protection. Each statement is tried on the
-- protected table and, as control arm, on an unprotected twin where it works.
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE FUNCTION guard_leak(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE WARNING 'row: %', left(t, 4); RETURN true; END$$;
CREATE FUNCTION guard_trigger() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE WARNING 'row: %', left(OLD.body, 4); RETURN OLD; END$$;
CREATE TABLE guard_docs (id int PRIMARY KEY, tenant_id int, label ward.label, body text, word text);
INSERT INTO guard_docs SELECT id, tenant_id, label, body, 'w' FROM docs_open WHERE id <= 4;
CREATE TABLE guard_open (LIKE guard_docs INCLUDING ALL);
INSERT INTO guard_open TABLE guard_docs;
CREATE TABLE guard_target (id int PRIMARY KEY);
INSERT INTO guard_target SELECT generate_series(1, 4);
CREATE TABLE guard_part (LIKE guard_docs);
CREATE TABLE guard_parent (LIKE guard_docs);
RESET ROLE;
CREATE SCHEMA guard_away AUTHORIZATION app_owner;
CREATE ROLE guard_heir;
CREATE ROLE role_guard_docs;
CREATE ROLE role_guard_open;
GRANT guard_heir, role_guard_docs, role_guard_open TO app_owner;
GRANT USAGE, CREATE ON SCHEMA app TO guard_heir, role_guard_docs, role_guard_open;
CREATE TABLE of_guard_docs (tenant_id int);
ALTER TABLE of_guard_docs OWNER TO role_guard_docs;
CREATE TABLE of_guard_open (tenant_id int);
ALTER TABLE of_guard_open OWNER TO role_guard_open;
SELECT ward.protect('guard_docs'), ward.protect('of_guard_docs', label => NULL);

-- runs the statement with %s = the protected table, then with %s = its twin
CREATE PROCEDURE guard_try(statement text) LANGUAGE plpgsql AS $$
DECLARE
    target text;
    detail text;
BEGIN
    FOREACH target IN ARRAY ARRAY['guard_docs', 'guard_open'] LOOP
        BEGIN
            EXECUTE replace(statement, '%s', target);
            RAISE INFO '%: done', target;
            -- whatever it did is taken back
            RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ000';
        EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
                  WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            RAISE INFO '%: % % %', target, SQLSTATE, substring(detail from '^WD\d+'), SQLERRM;
        END;
    END LOOP;
END $$;
SET client_min_messages = notice;
SET ROLE app_owner;

-- switching protection off
CALL guard_try('ALTER TABLE %s DISABLE ROW LEVEL SECURITY');
CALL guard_try('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY');
CALL guard_try('CREATE POLICY p ON %s USING (true)');
CALL guard_try('CREATE POLICY ward_fake ON %s USING (true)');
CALL guard_try('DROP POLICY IF EXISTS ward_rows ON %s');
CALL guard_try('ALTER POLICY ward_rows ON %s USING (true)');
CALL guard_try('ALTER POLICY ward_rows ON %s RENAME TO other');
CALL guard_try('ALTER TABLE %s OWNER TO guard_heir');
CALL guard_try('REASSIGN OWNED BY role_%s TO guard_heir');
CALL guard_try('ALTER TABLE %s SET SCHEMA guard_away');
CALL guard_try('ALTER TABLE %s RENAME TO guard_other');
CALL guard_try('ALTER INDEX %s RENAME TO guard_other');
CALL guard_try('ALTER TABLE %s RENAME COLUMN tenant_id TO was');
CALL guard_try('ALTER TABLE %s RENAME COLUMN body TO text');

-- the columns that protect
CALL guard_try('ALTER TABLE %s DROP COLUMN tenant_id');
CALL guard_try('ALTER TABLE %s DROP COLUMN body');
CALL guard_try('ALTER TABLE %s ALTER tenant_id TYPE text USING (''1'')');
CALL guard_try('ALTER TABLE %s ALTER body TYPE text USING guard_leak(body)::text');

-- destroying other tenants' rows
CALL guard_try('TRUNCATE %s');
CALL guard_try('TRUNCATE ONLY guard_part, %s CASCADE');
CALL guard_try('DROP TABLE %s');
CALL guard_try('DROP TABLE guard_part, %s CASCADE');
CALL guard_try('DROP OWNED BY role_%s CASCADE');

-- running code over other tenants' rows
CALL guard_try('CREATE TRIGGER t BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION guard_trigger()');
CALL guard_try('CREATE RULE r AS ON INSERT TO %s DO ALSO INSERT INTO guard_part SELECT new.*');
CALL guard_try('ALTER TABLE %s DISABLE TRIGGER USER');
CALL guard_try('CREATE INDEX ON %s (guard_leak(body))');
CALL guard_try('CREATE INDEX ON %s (id) WHERE guard_leak(body)');
CALL guard_try('CREATE INDEX ON %s ((word::int))');
CALL guard_try('CREATE UNIQUE INDEX ON %s (tenant_id, word)');
CALL guard_try('CREATE STATISTICS guard_stat ON (guard_leak(body)), id FROM %s');
CALL guard_try('ALTER TABLE %s ADD CHECK (guard_leak(body))');
CALL guard_try('ALTER TABLE %s ADD COLUMN n int GENERATED ALWAYS AS (length(body)) STORED');
CALL guard_try('ALTER TABLE %s ADD COLUMN n boolean DEFAULT guard_leak(''x'')');
CALL guard_try('ALTER TABLE %s ALTER word SET DEFAULT guard_leak(''x'')::text');
CALL guard_try('ALTER TABLE %s ADD UNIQUE (word)');
CALL guard_try('ALTER TABLE %s ALTER body SET NOT NULL');
CALL guard_try('ALTER TABLE %s ADD FOREIGN KEY (id) REFERENCES guard_target');
CALL guard_try('ALTER TABLE %s REPLICA IDENTITY FULL');

-- the family
CALL guard_try('ALTER TABLE guard_part INHERIT %s');
CALL guard_try('ALTER TABLE %s INHERIT guard_parent');
CALL guard_try('CREATE TABLE guard_child (CHECK (guard_leak(body))) INHERITS (%s)');
CALL guard_try('CREATE TABLE guard_child (extra boolean DEFAULT guard_leak(''x'')) INHERITS (%s)');
SET client_min_messages = warning;
CALL guard_try('CREATE TABLE guard_child () INHERITS (%s, guard_parent)');
SET client_min_messages = notice;

-- what stays allowed
CALL guard_try('CREATE INDEX ON %s (body)');
CALL guard_try('CREATE INDEX ON %s (word) WHERE tenant_id = 1');
CALL guard_try('ALTER TABLE %s ADD COLUMN n int DEFAULT 0, ADD COLUMN made timestamptz DEFAULT now()');
CALL guard_try('ALTER TABLE %s ALTER word SET DEFAULT ''x'', ALTER word SET STATISTICS 100');
CALL guard_try('ALTER TABLE %s SET (fillfactor = 80), ALTER body SET STORAGE external');
CALL guard_try('CREATE STATISTICS guard_stat ON word, id FROM %s');
CALL guard_try('CREATE TABLE guard_child () INHERITS (%s)');
CALL guard_try('COMMENT ON TABLE %s IS ''x''');
CALL guard_try('GRANT SELECT ON %s TO app');
ANALYZE guard_docs;
VACUUM guard_docs;
REINDEX TABLE guard_docs;
CLUSTER guard_docs USING guard_docs_pkey;
RESET ROLE;

-- an administrator may, but not drop or retype what protects
CREATE ROLE guard_admin IN ROLE ward_admin, app_owner;
SET ROLE guard_admin;
CALL guard_try('ALTER TABLE %s DISABLE ROW LEVEL SECURITY');
CALL guard_try('DROP TABLE %s');
CALL guard_try('TRUNCATE %s');
CALL guard_try('ALTER TABLE %s DROP COLUMN body');
CALL guard_try('ALTER TABLE %s DROP COLUMN tenant_id');
CALL guard_try('ALTER TABLE %s ALTER label TYPE text');
CALL guard_try('ALTER TABLE %s INHERIT guard_parent');
ALTER TABLE guard_docs RENAME COLUMN tenant_id TO org;
RESET ROLE;
SELECT relation, tenant, label FROM ward.protections WHERE relation = 'guard_docs'::regclass;
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET ward.token = :'bob';
SELECT id, org FROM guard_docs ORDER BY 1;
RESET ward.token;

-- not even an administrator under a token
SET ward.token = :'bob';
CALL guard_try('ALTER TABLE %s DISABLE ROW LEVEL SECURITY');
CALL guard_try('DROP TABLE %s');
SET client_min_messages = warning;
CALL guard_try('DROP EXTENSION ward CASCADE');
SET client_min_messages = notice;
CALL guard_try('ALTER EXTENSION ward DROP FUNCTION ward.tenant()');
CALL guard_try('DROP FUNCTION ward.may_read CASCADE');
CALL guard_try('ALTER FUNCTION ward.tenant() COST 5');
CALL guard_try('ALTER SCHEMA ward_internal RENAME TO x');
CALL guard_try('ALTER TABLE ward_internal.protection RENAME TO x');
RESET ward.token;
CALL guard_try('ALTER SCHEMA ward RENAME TO x');

DROP TABLE guard_docs, guard_open, guard_part, guard_parent, guard_target, of_guard_docs, of_guard_open;
DROP FUNCTION guard_leak, guard_trigger;
DROP PROCEDURE guard_try;
DROP SCHEMA guard_away;
REVOKE ALL ON SCHEMA app FROM guard_heir, role_guard_docs, role_guard_open;
DROP ROLE guard_heir, role_guard_docs, role_guard_open, guard_admin;
