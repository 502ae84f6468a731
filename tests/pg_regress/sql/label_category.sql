-- Custom categories: numbers, names, who may define them, and what is stored of them.
\getenv suite PG_ABS_SRCDIR
\set try :suite '/common/try.psql'
\set ECHO none
\i :try
\set ECHO all
BEGIN;
SELECT pg_temp.try($$SELECT 'internal{apollo}'::label$$);

-- The next free number; a name keeps its number; the canonical text names the number.
SELECT define_category('apollo') AS apollo, define_category('zeus') AS zeus, define_category('apollo') AS apollo_again;
SELECT 'internal{apollo}'::label, 'internal{ZEUS, pii}'::label, label('secret', '{Apollo}'), 'internal{apollo}'::label = 'internal{x0}'::label AS same;
DELETE FROM ward_internal.category WHERE name = 'apollo';
SELECT pg_temp.try($$SELECT 'internal{apollo}'::label$$), define_category('hera') AS fills_the_gap;

-- Names that cannot be one.
\pset format unaligned
SELECT name, pg_temp.try(format('SELECT define_category(%L)', name)) AS refusal
FROM (VALUES (NULL), (''), ('Apollo'), ('9lives'), ('a b'), ('a}'), ('pii'), ('x0'), ('x99'), (repeat('a', 64))) AS t(name);

\pset format aligned
-- 31 at most; a known name is still answered.
SELECT count(define_category('c' || n)) FROM generate_series(1, 29) n;
SELECT define_category('zeus') AS known, pg_temp.try($$SELECT define_category('one_more')$$) AS one_more;
SELECT count(*), min(bit), max(bit) FROM ward_internal.category;

-- A definition that is rolled back is forgotten by the session that used it.
SAVEPOINT s;
DELETE FROM ward_internal.category;
SELECT define_category('ghost') AS ghost;
SELECT 'internal{ghost}'::label;
ROLLBACK TO s;
SELECT pg_temp.try($$SELECT 'internal{ghost}'::label$$);

-- Views, defaults, constraints, policies and functions with literals store the bytes and print them
-- canonically: they survive the name.
CREATE TABLE holder (l label DEFAULT 'internal{zeus}' CHECK (l <@ 'restricted{zeus,pii}'), t text);
CREATE VIEW held AS SELECT * FROM holder WHERE l <@ 'confidential{zeus}';
CREATE POLICY seen ON holder USING (l @> 'public{zeus}');
CREATE FUNCTION atomic() RETURNS label LANGUAGE sql BEGIN ATOMIC SELECT 'internal{zeus}'::label; END;
CREATE INDEX partial ON holder (t) WHERE l <@ 'internal{zeus}';
DELETE FROM ward_internal.category;
INSERT INTO holder DEFAULT VALUES RETURNING l;
SELECT l, atomic() FROM held;
SELECT pg_get_viewdef('held'::regclass) LIKE '%''confidential{x1}''::label%' AS view;
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'holder'::regclass;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'holder'::regclass;
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'holder'::regclass;
SELECT pg_get_indexdef('partial'::regclass);

-- A text column's cast may change its answer with a definition, so nothing is built on it.
SELECT pg_temp.try('CREATE INDEX ON holder ((t::label))');
SELECT pg_temp.try('ALTER TABLE holder ADD g label GENERATED ALWAYS AS (t::label) STORED');
SELECT pg_temp.try('CREATE INDEX ON holder (level(l))');
ROLLBACK;

-- Defining is for ward_admin; using is for everybody.
SET ROLE app;
SELECT pg_temp.try($$SELECT define_category('mine')$$);
SELECT pg_temp.try('SELECT * FROM ward_internal.category');
SELECT pg_temp.try($$INSERT INTO ward_internal.category VALUES ('mine', 5)$$);
SELECT 'internal{pii}'::label <@ 'secret{pii}' AS "<@", 'internal'::label + 'secret{x1}' AS "+", level('secret'::label), join_labels('internal{x1}') FROM (VALUES (1), (2)) t;
RESET ROLE;
BEGIN;
SET LOCAL ROLE ward_admin;
SELECT ward.define_category('by_admin');
ROLLBACK;
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET ward.token = :'alice';
SELECT pg_temp.try($$SELECT define_category('mine')$$);
RESET ward.token;
