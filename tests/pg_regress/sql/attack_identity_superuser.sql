-- A superuser with a token is bound like everybody: neither the registry nor the catalogs can be
-- written to get out of it.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
-- attempt(statement): runs it, and takes it back in any case
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    EXECUTE statement;
    RAISE 'went through';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, substring(detail from '^WD\d+'), SQLERRM);
END $$;
CREATE TEMP TABLE attempts (n serial, statement text);
INSERT INTO attempts (statement) VALUES
    ('DELETE FROM ward_internal.protection'),
    ('UPDATE ward_internal.protection SET tenant = NULL'),
    ('WITH w AS (DELETE FROM ward_internal.protection RETURNING 1) SELECT FROM w'),
    ('MERGE INTO ward_internal.protection p USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE'),
    ('INSERT INTO ward_internal.issuer SELECT ''https://evil.test'', audience, jwks, claims, options FROM ward_internal.issuer'),
    ('DELETE FROM ward_internal.revocation'),
    ('UPDATE pg_class SET relrowsecurity = false WHERE relname = ''docs'''),
    ('DELETE FROM pg_policy'),
    ('UPDATE pg_proc SET prosrc = ''x'' WHERE proname = ''may_read'''),
    ('UPDATE pg_attribute SET attname = ''other'' WHERE attname = ''tenant_id'''),
    ('DELETE FROM pg_extension WHERE extname = ''ward'''),
    ('TRUNCATE ward_internal.protection'),
    ('TRUNCATE ward_internal.protection, ward_internal.issuer CASCADE'),
    ('COPY ward_internal.protection FROM ''/dev/null'''),
    ('ALTER TABLE ward_internal.protection DISABLE TRIGGER ALL'),
    ('ALTER TABLE ward_internal.protection RENAME TO gone'),
    ('ALTER TABLE ward_internal.protection SET SCHEMA public'),
    ('DROP TABLE ward_internal.protection'),
    ('DROP SCHEMA ward_internal CASCADE'),
    ('DROP EXTENSION ward CASCADE'),
    ('ALTER EXTENSION ward DROP TABLE ward_internal.protection'),
    ('DROP FUNCTION ward.may_read CASCADE'),
    ('CREATE OR REPLACE FUNCTION ward.may_read(relation regclass, VARIADIC columns "any") RETURNS boolean LANGUAGE internal AS ''booltrue'''),
    ('ALTER TABLE docs DISABLE ROW LEVEL SECURITY'),
    ('ALTER TABLE docs NO FORCE ROW LEVEL SECURITY'),
    ('DROP POLICY ward_rows ON docs'),
    ('SELECT ward.unprotect(''docs'', ''because'')'),
    ('SELECT ward.protect(''docs'', tenant => NULL)'),
    ('SELECT ward.trust_issuer(''https://evil.test'', ''x'', ''{}'')'),
    ('SET SESSION AUTHORIZATION app'),
    ('LOAD ''vector'''),
    ('COPY pg_statistic TO ''/dev/null'''),
    ('COPY ward_internal.mask_key TO ''/dev/null'''),
    ('SELECT * FROM ward_internal.mask_key'),
    ('COPY (TABLE ward_internal.mask_key) TO ''/dev/null''');
-- what no longer matters once the identity is set
SET session_replication_role = replica;
SET row_security = off;
SET ward.token = :'alice';
SELECT n, left(statement, 60) AS statement, pg_temp.attempt(statement) FROM attempts WHERE statement ~ '^(WITH|MERGE|DELETE|UPDATE|INSERT)' ORDER BY n;
SELECT tenant_id, count(*) FROM docs GROUP BY 1;
RESET session_replication_role;
SELECT n, left(statement, 60) AS statement, pg_temp.attempt(statement) FROM attempts WHERE statement !~ '^(WITH|MERGE|DELETE|UPDATE|INSERT)' ORDER BY n;
SELECT tenant_id, count(*) FROM docs GROUP BY 1;
SET ward.token = '';
RESET row_security;
-- control arm: without a token a superuser may do these things
SELECT pg_temp.attempt(statement) FROM attempts WHERE n IN (1, 2, 5, 7, 12, 27, 32, 33, 34);
SELECT count(*) > 0 AS still_there FROM ward.protections;
