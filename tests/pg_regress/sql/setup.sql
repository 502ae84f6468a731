-- What every golden test finds: the extension, a trusted issuer, roles, and two protected tables
-- with an unprotected twin of the first as control arm.
\set VERBOSITY terse
\! "$WARD_MINT" keygen --alg ES256 --kid k1 --out "$PG_ABS_BUILDDIR/keys" > /dev/null
\set jwks `cat "$PG_ABS_BUILDDIR/keys/jwks.json"`
SET client_min_messages = warning;
CREATE EXTENSION vector;
CREATE EXTENSION ward;
SELECT ward.trust_issuer('https://idp.test', 'app-db', :'jwks');

DROP ROLE IF EXISTS app, app_owner, app_bypass;
CREATE ROLE app LOGIN;
CREATE ROLE app_owner LOGIN;
CREATE ROLE app_bypass LOGIN BYPASSRLS;
CREATE SCHEMA app AUTHORIZATION app_owner;
GRANT USAGE, CREATE ON SCHEMA app TO app, app_bypass;
ALTER DATABASE :DBNAME SET search_path = app, public, ward;
SET search_path = app, public, ward;

SET ROLE app_owner;
CREATE TABLE docs (id int PRIMARY KEY, tenant_id int, label ward.label, body text, embedding vector(3));
INSERT INTO docs SELECT n, n % 3 + 1,
        (ARRAY['public', 'internal', 'confidential', 'confidential{pii}'])[n % 4 + 1]::ward.label,
        'body ' || n, ARRAY[n, n % 7, 1]::real[]::vector
    FROM generate_series(1, 120) n;
CREATE TABLE docs_open AS TABLE docs;
CREATE INDEX ON docs (tenant_id);
CREATE TABLE notes (id int PRIMARY KEY, doc_id int REFERENCES docs ON DELETE CASCADE, tenant_id int, owner text, shared_with text[], body text);
INSERT INTO notes SELECT n, n, n % 3 + 1, CASE n % 2 WHEN 0 THEN 'alice' ELSE 'bob' END,
        CASE n % 5 WHEN 0 THEN '{staff}' WHEN 1 THEN '{board}' ELSE '{}' END::text[], 'note ' || n
    FROM generate_series(1, 60) n;
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO app, app_bypass;

SELECT ward.protect('docs');
SELECT ward.protect('notes', label => NULL, owner => 'owner', acl => 'shared_with');
SELECT relation, tenant, label, owner, acl, options FROM ward.protections ORDER BY 1;
\d docs
