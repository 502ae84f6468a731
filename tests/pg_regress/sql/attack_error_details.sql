-- Core prints the row, or its key, in the DETAIL of constraint errors for roles that row security does not bind.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set people :suite '/common/people.psql'
\set ECHO none
\i :people
\set ECHO all
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION app.detail(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    shown text;
BEGIN
    EXECUTE statement;
    RETURN 'went through';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, shown = PG_EXCEPTION_DETAIL;
    RETURN state || ' ' || shown;
END $$;
ALTER TABLE people ALTER owner SET NOT NULL, ADD CHECK (owner <> 'nobody'), ADD UNIQUE (ssn);
ALTER TABLE people_open ALTER owner SET NOT NULL, ADD CHECK (owner <> 'nobody'), ADD UNIQUE (ssn);
SET ROLE app_owner;
CREATE TABLE cards (ssn varchar(11) REFERENCES people (ssn), during int4range, EXCLUDE USING gist (during WITH &&));
CREATE TABLE cards_open (ssn varchar(11) REFERENCES people_open (ssn), during int4range, EXCLUDE USING gist (during WITH &&));
INSERT INTO cards_open VALUES ('900-12-0074', '[1,5)');
CREATE VIEW checked AS SELECT * FROM people WHERE id < 100 WITH CHECK OPTION;
CREATE VIEW checked_open AS SELECT * FROM people_open WHERE id < 100 WITH CHECK OPTION;
RESET ROLE;
BEGIN; SET LOCAL ward.maintenance = 'test'; INSERT INTO cards VALUES ('900-12-0074', '[1,5)'); COMMIT;
SELECT ward.mask('cards', 'during', 'null');
GRANT ALL ON cards, cards_open, checked, checked_open TO app_bypass;
CREATE FUNCTION app.definer(statement text) RETURNS text LANGUAGE sql SECURITY DEFINER RETURN app.detail(statement);
PREPARE everything(text) AS
SELECT what, app.detail(format(statement, $1)) FROM (VALUES
    ('not null', 'UPDATE people%s SET owner = NULL WHERE id = 2'),
    ('check', 'UPDATE people%s SET owner = ''nobody'' WHERE id = 2'),
    ('view', 'UPDATE checked%s SET id = id + 1000 WHERE id = 4'),
    ('referenced', 'DELETE FROM people%s WHERE id = 2'),
    ('references', 'INSERT INTO cards%s VALUES (''900-99-9999'', ''[7,8)'')'),
    ('exclusion', 'INSERT INTO cards%s VALUES (''900-12-0074'', ''[3,4)'')')
) AS t(what, statement);

-- Control arm: everything is shown on the unmasked twin.
EXECUTE everything('_open');
-- A superuser, a role with BYPASSRLS, and a function of the superuser's, with a token.
SET ward.token = :'anna';
EXECUTE everything('');
RESET ward.token;
SET ROLE app_bypass;
SET ward.token = :'anna';
EXECUTE everything('');
RESET ward.token;
RESET ROLE;
GRANT EXECUTE ON FUNCTION app.definer TO app;
SET ROLE app;
SET ward.token = :'anna';
SELECT app.definer('UPDATE people SET owner = NULL WHERE id = 2');
-- A role that row security binds gets core's own silence.
SELECT app.detail('UPDATE people SET owner = NULL WHERE id = 2');
RESET ward.token;
RESET ROLE;
-- An administrator in maintenance sees what is wrong.
SET ward.maintenance = 'test';
SELECT app.detail('UPDATE people SET owner = NULL WHERE id = 2');
DROP FUNCTION app.definer, app.detail;
RESET ward.maintenance;
DROP TABLE cards, cards_open, people, people_open CASCADE;
