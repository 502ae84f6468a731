-- What a protected table is made of: functions, types, publications, objects that others depend on.
-- The role owns all of them; the control arm does the same to an unprotected twin.
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE FUNCTION parts_check(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION parts_default() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN ''x''; END';
CREATE FUNCTION parts_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION parts_index(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN t; END';
CREATE FUNCTION parts_unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION parts_operator(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE FUNCTION parts_domain(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE OPERATOR <+> (LEFTARG = text, RIGHTARG = text, FUNCTION = parts_operator);
CREATE DOMAIN parts_word AS text CHECK (parts_domain(VALUE));
CREATE DOMAIN parts_words AS parts_word;
CREATE TYPE parts_row AS (id int, tenant_id int, body text);
CREATE TABLE parts_parent (id int PRIMARY KEY);
CREATE TABLE parts_docs (
    id int REFERENCES parts_parent, tenant_id int, body text CHECK (parts_check(body)),
    made text DEFAULT parts_default() CHECK (made <+> body), word parts_words);
CREATE TABLE parts_typed OF parts_row;
CREATE INDEX ON parts_docs (parts_index(body));
CREATE TRIGGER t BEFORE INSERT ON parts_docs FOR EACH ROW EXECUTE FUNCTION parts_trigger();
INSERT INTO parts_parent VALUES (1), (2);
INSERT INTO parts_docs VALUES (1, 1, 'one', 'x', 'secret'), (2, 2, 'two', 'x', 'secret');

CREATE PROCEDURE parts_try() LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    detail text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'CREATE OR REPLACE FUNCTION parts_check(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS ''BEGIN RAISE INFO ''''%'''', t; RETURN true; END''',
        'CREATE OR REPLACE FUNCTION parts_default() RETURNS text LANGUAGE sql AS ''SELECT query_to_xml(''''TABLE docs'''', true, true, '''''''')::text''',
        'CREATE OR REPLACE FUNCTION parts_trigger() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RAISE INFO ''''%'''', NEW; RETURN NEW; END''',
        'CREATE OR REPLACE FUNCTION parts_index(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS ''BEGIN RAISE INFO ''''%'''', t; RETURN t; END''',
        'CREATE OR REPLACE FUNCTION parts_operator(text, text) RETURNS boolean LANGUAGE plpgsql AS ''BEGIN RAISE INFO ''''%'''', $1; RETURN true; END''',
        'CREATE OR REPLACE FUNCTION parts_domain(text) RETURNS boolean LANGUAGE plpgsql AS ''BEGIN RAISE INFO ''''%'''', $1; RETURN true; END''',
        'CREATE OR REPLACE FUNCTION parts_unused() RETURNS int LANGUAGE sql AS ''SELECT 2''',
        'ALTER FUNCTION parts_trigger() SET search_path = app_owner',
        'ALTER FUNCTION parts_trigger() OWNER TO app_owner',
        'ALTER FUNCTION parts_trigger() RENAME TO other',
        'ALTER DOMAIN parts_words ADD CHECK (parts_check(VALUE))',
        'ALTER DOMAIN parts_word ADD CHECK (VALUE::int > 0)',
        'ALTER DOMAIN parts_word SET NOT NULL',
        'ALTER TYPE parts_row DROP ATTRIBUTE tenant_id CASCADE',
        'ALTER TYPE parts_row ALTER ATTRIBUTE tenant_id TYPE bigint CASCADE',
        'ALTER TYPE parts_row RENAME ATTRIBUTE tenant_id TO org CASCADE',
        'DROP OPERATOR <+> (text, text) CASCADE',
        'DROP DOMAIN parts_words CASCADE',
        'DROP FUNCTION parts_check CASCADE',
        'DROP FUNCTION parts_trigger CASCADE',
        'DROP TABLE parts_parent CASCADE',
        'ALTER TABLE parts_docs ADD COLUMN more parts_words',
        'CREATE PUBLICATION parts_pub FOR TABLE parts_docs'
    ] LOOP
        BEGIN
            EXECUTE statement;
            RAISE EXCEPTION 'done' USING ERRCODE = 'ZZ000';
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
            RAISE INFO E'%\n    %', statement, concat_ws(' ', substring(detail from '^WD\d+'), SQLERRM);
        END;
    END LOOP;
END $$;
RESET ROLE;
SELECT format('GRANT CREATE ON DATABASE %I TO app_owner', current_database()) \gexec
SET ROLE app_owner;

-- control arm: the owner may do all of it
CALL parts_try();
RESET ROLE;
SELECT ward.protect('parts_docs', label => NULL), ward.protect('parts_typed', label => NULL);
SET ROLE app_owner;
CALL parts_try();

-- foreign keys of others come and go
CREATE TABLE parts_other (id int REFERENCES docs);
DROP TABLE parts_other;
RESET ROLE;
CREATE PUBLICATION parts_all FOR ALL TABLES;
DROP PUBLICATION parts_all;
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET ward.token = :'bob';
CREATE PUBLICATION parts_all FOR ALL TABLES;
RESET ward.token;

DROP TABLE parts_docs, parts_parent, parts_typed;
DROP PROCEDURE parts_try;
DROP DOMAIN parts_words, parts_word;
DROP TYPE parts_row;
DROP OPERATOR <+> (text, text);
DROP FUNCTION parts_operator, parts_domain, parts_check, parts_default, parts_trigger, parts_index, parts_unused;
SELECT format('REVOKE CREATE ON DATABASE %I FROM app_owner', current_database()) \gexec
