-- No identity, no data: whatever is wrong with the token, every kind of statement over a protected
-- table is an error with a stable code. Never rows, and never "no rows".
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
CREATE TEMP TABLE attempts (n int, statement text);
INSERT INTO attempts VALUES
    (1, 'SELECT FROM %I'),
    (2, 'SELECT FROM %I WHERE false'),
    (3, 'INSERT INTO %I (id) VALUES (9001)'),
    (4, 'UPDATE %I SET body = ''x'' WHERE id = 3'),
    (5, 'DELETE FROM %I WHERE id = 117'),
    (6, 'MERGE INTO %I d USING (VALUES (114)) v(id) ON d.id = v.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING'),
    (7, 'INSERT INTO %I (id) VALUES (9002) ON CONFLICT DO NOTHING'),
    (8, 'SELECT FROM %I FOR UPDATE'),
    (9, 'SELECT count(*) FROM docs_open WHERE EXISTS (SELECT FROM %I)'),
    (10, 'WITH gone AS (DELETE FROM %I RETURNING 1) SELECT FROM gone LIMIT 0');
GRANT ALL ON attempts TO app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO app;
SET ROLE app;
\set all 'SELECT n, pg_temp.try(format(statement, ''docs'')) AS outcome FROM attempts ORDER BY n'

-- control arm: without protection the same statements answer
BEGIN;
SELECT n, pg_temp.try(format(statement, 'docs_open')) AS outcome FROM attempts WHERE statement NOT LIKE '%ON CONFLICT%' ORDER BY n;
ROLLBACK;
-- control arm: with an identity they answer, too
SET ward.token = :'alice';
BEGIN;
:all;
ROLLBACK;
-- no token
SET ward.token = '';
:all;
-- each thing that can be wrong with one
\set one 'SELECT pg_temp.try(''SELECT FROM docs'')'
SET ward.token = :'expired';         :all;
SET ward.token = :'tampered';        :one;
SET ward.token = :'other_audience';  :one;
SET ward.token = :'other_issuer';    :one;
SET ward.token = :'dora';            :one;
\set early `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"alice","tenant":"1","nbf":4000000000}'`
\set longlived `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --ttl 999999999 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"alice","tenant":"1"}'`
\set unknownkey `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k9 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"alice","tenant":"1"}'`
\set misfit `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"mallory","tenant":"1 OR true"}'`
SET ward.token = :'early';       :one;
SET ward.token = :'longlived';   :one;
SET ward.token = :'unknownkey';  :one;
SET ward.token = :'misfit';      :one;
-- what is no token at all is refused when it is set, and the identity in force stays
SET ward.token = :'alice';
SELECT pg_temp.try($$SET ward.token = 'no token'$$);
SELECT pg_temp.try($$SELECT set_config('ward.token', 'a.b', false)$$);
SELECT pg_temp.try($$SELECT set_config('ward.token', 'eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkcC50ZXN0IiwiYXVkIjoiYXBwLWRiIiwic3ViIjoiYWxpY2UiLCJ0ZW5hbnQiOiIxIn0.', false)$$);
SELECT subject FROM session();

-- prepared statements, cursors and COPY
\set VERBOSITY terse
PREPARE p AS SELECT count(*) FROM docs;
EXECUTE p;
SET ward.token = :'expired';
EXECUTE p;
SET ward.token = '';
EXECUTE p;
COPY docs (id) TO STDOUT;
COPY (SELECT id FROM docs) TO STDOUT;
COPY docs (id) FROM STDIN;
\.
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM docs;
ROLLBACK;

-- what is revoked or distrusted acts at the next statement
SET ward.token = :'alice';
SELECT count(*) FROM docs;
SET ward.token = '';
RESET ROLE;
SELECT ward.revoke('token', 't-alice', 'test');
SET ROLE app;
SET ward.token = :'alice';
:one;
SET ward.token = :'anna';
:one;
SET ward.token = '';
RESET ROLE;
SELECT ward.revoke('subject', 'anna', 'test');
SET ROLE app;
SET ward.token = :'anna';
:one;
SET ward.token = '';
RESET ROLE;
SELECT ward.distrust_issuer('https://idp.test');
SET ROLE app;
SET ward.token = :'bob';
:one;
SET ward.token = '';
RESET ROLE;
\set jwks `cat "$PG_ABS_BUILDDIR/keys/jwks.json"`
SELECT ward.trust_issuer('https://idp.test', 'app-db', :'jwks');
DELETE FROM ward_internal.revocation;
SET ROLE app;
SET ward.token = :'alice';
:one;
SET ward.token = '';
