-- What ward.mask refuses, with the reason; who may call it; what follows from other definitions.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set people :suite '/common/people.psql'
\set ECHO none
\i :people
\set try :suite '/common/try.psql'
\i :try
\set ECHO all
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION public.shout(text) RETURNS text IMMUTABLE LANGUAGE sql RETURN upper($1);
CREATE SCHEMA masks;
GRANT USAGE ON SCHEMA masks TO app;
CREATE FUNCTION masks.initial(text) RETURNS text IMMUTABLE STRICT LANGUAGE sql RETURN left($1, 1);
CREATE FUNCTION masks.random(text) RETURNS text VOLATILE LANGUAGE sql RETURN random()::text;
CREATE FUNCTION masks.many(text) RETURNS SETOF text IMMUTABLE LANGUAGE sql RETURN $1;
CREATE FUNCTION masks.length(text) RETURNS int IMMUTABLE LANGUAGE sql RETURN length($1);
SET ROLE app_owner;
CREATE FUNCTION app.theirs(text) RETURNS text IMMUTABLE LANGUAGE sql RETURN $1;
CREATE VIEW people_view AS SELECT * FROM people;
RESET ROLE;
SELECT arguments, pg_temp.try('SELECT ward.mask(' || arguments || ')') FROM (VALUES
    ('''people'', ''nothing'', ''null'''),
    ('''people'', ''name'', ''blur'''),
    ('''people'', ''name'', ''partial(1,2)'''),
    ('''people'', ''name'', ''round(1)'''),
    ('''people'', ''name'', ''search_only'''),
    ('''people'', ''name'', ''year'''),
    ('''people'', ''salary'', ''email'''),
    ('''people'', ''salary'', ''tokenise'''),
    ('''people'', ''salary'', ''constant(many)'''),
    ('''people'', ''born'', ''constant(2000-13-40)'''),
    ('''people'', ''born'', ''ip_prefix'''),
    ('''people'', ''profile'', ''json_paths(["$."], null)'''),
    ('''people'', ''id'', ''null'''),
    ('''people'', ''id'', ''constant(1)'''),
    ('''people'', ''tenant_id'', ''hash'''),
    ('''people'', ''name'', ''null'', NULL, ''hide'''),
    ('''people'', ''name'', ''function(public.shout)'''),
    ('''people'', ''name'', ''function(app.theirs)'''),
    ('''people'', ''name'', ''function(masks.random)'''),
    ('''people'', ''name'', ''function(masks.many)'''),
    ('''people'', ''name'', ''function(masks.length)'''),
    ('''people'', ''name'', ''function(masks.missing)'''),
    ('''people'', ''salary'', ''function(masks.initial)'''),
    ('''people'', NULL, ''null'''),
    ('''people'', ''name'', NULL'),
    ('NULL, ''name'', ''null'''),
    ('''people'', ''name'', ''null'', options => ''{"x": 1}'''),
    ('''people'', ''name'', ''null'', options => ''[]'''),
    ('''people_view'', ''name'', ''null'''),
    ('''pg_class'', ''relname'', ''null''')
) AS t(arguments);
SELECT pg_temp.try('SELECT ward.unmask(''people'', ''id'', ''x'')'), pg_temp.try('SELECT ward.unmask(''people'', ''name'', '' '')');
-- an application may not, with or without a token
SET ROLE app;
SELECT pg_temp.try('SELECT ward.mask(''people'', ''name'', ''null'')'), pg_temp.try('SELECT ward.unmask(''people'', ''name'', ''x'')');
SELECT pg_temp.try('SELECT ward_internal.mask_hash(''x'', ''1'', 0)'), pg_temp.try('TABLE ward_internal.mask_key'), pg_temp.try('TABLE ward.masks');
RESET ROLE;
SET ward.token = :'alice';
SELECT pg_temp.try('SELECT ward.unmask(''people'', ''name'', ''x'')'), pg_temp.try('DELETE FROM ward_internal.mask'), pg_temp.try('UPDATE ward_internal.mask_key SET id = 1'), pg_temp.try('TABLE ward_internal.mask_key');
RESET ward.token;

-- the owner's function, once it is in a trusted schema
SELECT ward.mask('people', 'name', 'function(masks.initial)', 'confidential{pii}');
SET ROLE app;
SET ward.token = :'anna';
SELECT name, people FROM people WHERE id = 2;
RESET ward.token;
RESET ROLE;
DROP FUNCTION masks.initial;
SET ROLE app;
SET ward.token = :'anna';
SELECT name FROM people WHERE id = 2;
RESET ward.token;
RESET ROLE;

-- a generated column is hidden with what it is made of, unless it has a mask of its own
ALTER TABLE people ADD COLUMN initials text GENERATED ALWAYS AS (left(name, 7)) STORED, ADD COLUMN twice int GENERATED ALWAYS AS (id * 2) STORED;
SET ROLE app;
SET ward.token = :'anna';
SELECT initials, twice FROM people WHERE id = 2;
SET ward.token = :'alice';
SELECT initials, twice FROM people WHERE id = 2;
RESET ward.token;
RESET ROLE;
SELECT ward.mask('people', 'initials', 'constant(?)', 'confidential{pii}');
SET ROLE app;
SET ward.token = :'anna';
SELECT initials, twice FROM people WHERE id = 2;
RESET ward.token;
RESET ROLE;

-- renaming keeps the mask; dropping and retyping needs ward.unmask
ALTER TABLE people RENAME ssn TO social;
SELECT pg_temp.try('ALTER TABLE people DROP COLUMN social'), pg_temp.try('ALTER TABLE people ALTER social TYPE text');
SET ROLE app;
SET ward.token = :'anna';
SELECT social FROM people WHERE id = 2;
RESET ward.token;
RESET ROLE;
SELECT ward.unmask('people', 'social', 'test');
DROP VIEW people_view;
ALTER TABLE people DROP COLUMN social;
SET ROLE app;
SET ward.token = :'anna';
SELECT p FROM people p WHERE id = 2;
RESET ward.token;
RESET ROLE;

-- a table with masks alone: every identity sees its rows, none without one
SELECT ward.mask('people_open', 'name', 'hash', 'secret');
SELECT relation, tenant, label, owner, acl FROM ward.protections WHERE relation = 'people_open'::regclass;
SET ROLE app;
SELECT pg_temp.try('SELECT * FROM people_open');
SET ward.token = :'anna';
SELECT count(*), count(DISTINCT name), bool_or(name LIKE '%RAW%') AS leaks FROM people_open;
RESET ward.token;
RESET ROLE;
SELECT pg_temp.try('SELECT ward.unprotect(''people_open'', ''x'')');
SELECT ward.unmask('people_open', 'name', 'test');
SELECT relation FROM ward.protections WHERE relation = 'people_open'::regclass;
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'people_open'::regclass;

-- what would let a session choose whose row it is, or hide what decides about rows
SET client_min_messages = warning;
CREATE COLLATION app.resembling (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE TABLE app.owned (id int PRIMARY KEY, login text, made text GENERATED ALWAYS AS (lower(login)) STORED, loose text COLLATE app.resembling, secret text);
SELECT option, pg_temp.try(format('SELECT ward.mask(''owned'', ''secret'', ''null'', options => %L)', jsonb_build_object('unless_owner', option))) FROM unnest(ARRAY['made', 'loose', 'login']) AS option;
SELECT ward.mask('owned', 'login', 'null');
SELECT pg_temp.try('SELECT ward.protect(''owned'', tenant => NULL, label => NULL, owner => ''login'')');
DROP TABLE app.owned;
DROP COLLATION app.resembling;

-- a foreign key that is checked over masks would accept what refers to nothing
BEGIN;
SET LOCAL ward.maintenance = 'test';
CREATE TABLE app.badges (id int PRIMARY KEY, code text UNIQUE);
ALTER TABLE app.badges OWNER TO app_owner;
INSERT INTO app.badges VALUES (1, 'RAW-1'), (2, 'RAW-2');
COMMIT;
SELECT ward.mask('badges', 'code', 'constant(RAW)');
SET ROLE app_owner;
SET ward.token = :'anna';
CREATE TABLE app.wearers (code text, id int);
INSERT INTO app.wearers VALUES ('RAW', 1);
SELECT statement, pg_temp.try(statement) FROM (VALUES
    ('ALTER TABLE app.wearers ADD FOREIGN KEY (code) REFERENCES app.badges (code)'),
    ('ALTER TABLE app.wearers ADD CONSTRAINT later FOREIGN KEY (code) REFERENCES app.badges (code) NOT VALID'),
    ('ALTER TABLE app.wearers VALIDATE CONSTRAINT later'),
    ('ALTER TABLE app.wearers ADD FOREIGN KEY (id) REFERENCES app.badges (id)'),
    ('INSERT INTO app.wearers VALUES (''RAW-2'', 2)'),
    ('INSERT INTO app.wearers VALUES (''RAW'', 2)')
) AS t(statement);
RESET ward.token;
RESET ROLE;
DROP TABLE app.wearers, app.badges;
