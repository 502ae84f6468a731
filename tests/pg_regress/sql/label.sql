-- The type ward.label: text form, parts, casts, operators, declared attributes.
\getenv suite PG_ABS_SRCDIR
\set try :suite '/common/try.psql'
\set ECHO none
\i :try
\set ECHO all

\pset format unaligned
-- What is read, how it prints, and that the printed text reads back as the same label.
SELECT given, given::label AS label, (given::label)::text::label = given::label AS reads_back
FROM (VALUES
    ('public'), ('internal'), ('confidential'), ('restricted'), ('secret'),
    ('SECRET'), ('  Secret  '), ('public{}'), ('public { }'),
    ('confidential{pii}'), ('confidential{phi,pii,phi}'), (E'confidential\t{ PII ,\n phi }'),
    ('secret{x30,x0,model}'),
    ('secret{pii,spi,phi,biometric,genetic,minor,location,comms,pci,financial,tax,mnpi,credentials,security,legal,hr,ip,source,export,cui,criminal,education,customer,model}')
) AS t(given);

-- What is refused, with the place of the mistake.
SELECT quote_literal(left(given, 40)) AS given, pg_temp.try(format('SELECT %L::label', given)) AS refusal
FROM (VALUES
    (''), ('  '), ('{pii}'), ('topsecret'), ('secretpii'), ('secret{'), ('secret{pii'), ('secret{pii,'),
    ('secret{pii,}'), ('secret{,pii}'), ('secret{pii phi}'), ('secret{pii}}'), ('secret{pii} x'),
    ('secret}'), ('secret,pii'), ('secret{nobody}'), ('secret{x32}'), ('secret{x01}'), ('secret{x-1}'),
    ('secret{piı}'), (E'secret\u00a0{pii'), ('secret{' || repeat('a', 100) || '}'), ('secret' || repeat(' ', 2043))
) AS t(given);
SELECT 'secret{nobody}'::label;

-- From PostgreSQL 16 on, a caller may ask for no error: COPY with ON_ERROR ignore, and these.
-- Before 16 the second query says what these must say.
\set ECHO none
SELECT current_setting('server_version_num')::int >= 160000 AS soft \gset
\if :soft
SELECT given, pg_input_is_valid(given, 'label') AS valid, message, detail, left(hint, 30) AS hint, sql_error_code
FROM (VALUES ('secret{pii}'), ('topsecret'), ('secret{nobody}')) AS t(given), pg_input_error_info(given, 'label');
\else
SELECT 'secret{pii}' AS given, 't' AS valid, NULL AS message, NULL AS detail, NULL AS hint, NULL AS sql_error_code UNION ALL
SELECT 'topsecret', 'f', 'unknown level "topsecret" at position 1; levels are public, internal, confidential, restricted, secret', 'WD037 bad label text', NULL, '22P02' UNION ALL
SELECT 'secret{nobody}', 'f', 'unknown category "nobody" at position 8', 'WD037 bad label text', 'Categories are pii, spi, phi, ', '22P02';
\endif
\set ECHO all
\pset format aligned

-- Parts, and back.
SELECT l, level(l), categories(l), label(level(l), categories(l)) = l AS same
FROM unnest(ARRAY['public', 'restricted{tax}', 'secret{x7,hr,x30}']::label[]) l;
SELECT label('Internal'), label(' internal ', '{ PII ,x1}'), label('internal', '{}'), label(NULL, '{}'), label('internal', NULL);
SELECT pg_temp.try($$SELECT label('topsecret', '{}')$$);
SELECT pg_temp.try($$SELECT label('secret', '{nobody}')$$);
SELECT pg_temp.try($$SELECT label('secret', ARRAY['pii', NULL])$$);
SELECT pg_temp.try(format('SELECT label(%L, %L)', E'se\ncret' || repeat('t', 100), '{}'));
SELECT pg_temp.try(format('SELECT label(%L, ARRAY[%L])', 'secret', E'p\nii' || repeat('i', 100)));
-- One text is read like a literal, braces and all.
SELECT label('internal{pii}');

-- The operators on pairs that are above, below, equal and side by side.
SELECT a, b, a <@ b AS "<@", a @> b AS "@>", a + b AS "+", a * b AS "*", a = b AS "=", a <> b AS "<>",
       a < b AS "<", a <= b AS "<=", a > b AS ">", a >= b AS ">="
FROM (VALUES
    ('internal'::label, 'secret'::label), ('secret', 'internal'), ('internal{pii}', 'internal{pii}'),
    ('internal{pii}', 'secret'), ('secret{pii}', 'internal'), ('internal{pii}', 'internal{pii,phi}'),
    ('internal{pii,hr}', 'internal{pii,phi}'), ('public', 'secret{x30}'), (NULL, 'secret'), ('public', NULL)
) AS t(a, b);

-- Join over rows: NULLs are skipped, nothing is NULL and not "public".
SELECT join_labels(l) FROM unnest(ARRAY['internal{pii}', NULL, 'confidential{hr}', 'public']::label[]) l;
SELECT join_labels(l) IS NULL AS none FROM unnest('{}'::label[]) l;
SELECT join_labels(l) IS NULL AS only_null FROM unnest(ARRAY[NULL, NULL]::label[]) l;
SELECT join_labels(DISTINCT l) FILTER (WHERE l <@ 'confidential{pii}') FROM unnest(ARRAY['internal{pii}', 'secret', 'confidential']::label[]) l;

-- A text becomes a label when it is stored in one (drivers declare their parameters' types), not when it is compared
-- with one; a label becomes a text only when asked to.
CREATE TEMP TABLE texts (t text, l label);
INSERT INTO texts (l) SELECT 'secret'::text UNION ALL SELECT 'secret{hr}'::varchar;
SELECT pg_temp.try('INSERT INTO texts (l) SELECT ''nobody''::varchar');
SELECT pg_temp.try('SELECT l <@ ''secret''::text FROM texts');
SELECT pg_temp.try('INSERT INTO texts (t) SELECT ''secret''::label');
SELECT pg_temp.try('INSERT INTO texts SELECT ''secret{pii}''::label::text, ''secret{phi}''::text::label');
TABLE texts;

-- Binary: eight bytes, level first.
SELECT l, ward_internal.label_send(l)
FROM unnest(ARRAY['public', 'internal{pii}', 'confidential{model}', 'restricted{x0}', 'secret{x30}']::label[]) l;

SELECT typlen, typbyval, typalign, typstorage, typcategory, typispreferred,
       (SELECT provolatile FROM pg_proc WHERE oid = typinput) AS input_is,
       (SELECT provolatile FROM pg_proc WHERE oid = typoutput) AS output_is
FROM pg_type WHERE oid = 'label'::regtype;

-- Every function behind an operator of the type is strict, immutable, leakproof and parallel safe.
SELECT count(*) AS operators,
       bool_and(proisstrict AND provolatile = 'i' AND proleakproof AND proparallel = 's') AS as_promised,
       bool_and(oprcom <> 0) AS commute,
       string_agg(oprname, ' ' ORDER BY oprname) FILTER (WHERE oprnegate <> 0) AS with_negator,
       string_agg(oprname, ' ' ORDER BY oprname) FILTER (WHERE oprcanhash AND oprcanmerge) AS hash_and_merge
FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode
WHERE oprleft = 'label'::regtype AND oprnamespace = 'ward'::regnamespace;
SELECT proname, proisstrict, provolatile, proleakproof, proparallel
FROM pg_proc
WHERE pronamespace IN ('ward'::regnamespace, 'ward_internal'::regnamespace) AND proname ~ '^(label|level|categories|join_labels)'
  AND NOT (proisstrict AND provolatile = 'i' AND proleakproof AND proparallel = 's')
ORDER BY 1;

-- Eight bytes that are no label (damage, or a foreign writer: here a cast that only a superuser can
-- make) are dominated by nothing and dominate nothing, not even themselves; they print as an error.
BEGIN;
CREATE CAST (bigint AS label) WITHOUT FUNCTION;
SELECT bad <@ top AS below_top, bad @> 'public' AS above_public, bad <@ bad AS below_itself, bad = bad AS is_itself,
       'public' + bad = top AS joins_as_top
FROM (SELECT ((17::bigint << 56) | 1)::label AS bad,
             label('secret', categories('secret{pii,spi,phi,biometric,genetic,minor,location,comms,pci,financial,tax,mnpi,credentials,security,legal,hr,ip,source,export,cui,criminal,education,customer,model}')
                             || ARRAY(SELECT 'x' || n FROM generate_series(0, 30) n) || 'quarantine'::text) AS top) t;
SELECT pg_temp.try($$SELECT level((17::bigint << 56)::label)$$);
SELECT (17::bigint << 56)::label;
ROLLBACK;
