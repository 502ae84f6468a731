-- Each refusal has its code: what docs/errors.md lists, raised for real. One line per cause.
-- (Not here: the library not loaded, which needs another server; tests/client/test_unloaded.py.)
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\pset tuples_only on
\set touch 'SELECT pg_temp.try(''SELECT FROM docs WHERE false'');'

-- Tokens, one mistake each. Definitions are psql variables: nothing of a token is printed.
\set none `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --header '{"alg":"none"}' --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1"}'`
\set other_key `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k9 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1"}'`
\set dpop `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --header '{"typ":"dpop+jwt"}' --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1"}'`
\set early `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1","nbf":4000000000}'`
\set long `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --ttl 86401 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1"}'`
\set agent `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --ttl 901 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1","kind":"agent"}'`
\set bound `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1","cnf":{"jkt":"x"}}'`
\set actor `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1","act":{}}'`
\set unlabelled `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"1","clearance":"very secret"}'`
\set worded `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"a","tenant":"one"}'`
\set nobody `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","tenant":"1"}'`
\set ECHO all

-- Control: the same statement with a good token.
SET ward.token = :'alice';
:touch
RESET ward.token;
-- WD000
:touch
-- WD001: at SET already, or where a claim is missing
SELECT pg_temp.try($$SET ward.token = 'Bearer abc'$$);
SET ward.token = :'nobody';
:touch
-- WD002 … WD010
SET ward.token = :'none';
:touch
SET ward.token = :'other_issuer';
:touch
SET ward.token = :'other_key';
:touch
SET ward.token = :'tampered';
:touch
SET ward.token = :'dpop';
:touch
SET ward.token = :'other_audience';
:touch
SET ward.token = :'expired';
:touch
SET ward.token = :'early';
:touch
SET ward.token = :'long';
:touch
SET ward.token = :'agent';
:touch
-- WD012
RESET ward.token;
SELECT ward.revoke('session', 's-alice', 'test') \g /dev/null
SET ward.token = :'alice';
:touch
RESET ward.token;
DELETE FROM ward_internal.revocation WHERE reason = 'test';
-- WD013, WD015, WD030 in the token
SET ward.token = :'bound';
:touch
SET ward.token = :'actor';
:touch
SET ward.token = :'unlabelled';
:touch
-- WD014: no tenant, a tenant of another form, another's row
SET ward.token = :'dora';
:touch
SET ward.token = :'worded';
:touch
SET ward.token = :'alice';
SELECT pg_temp.try('INSERT INTO docs (id, tenant_id) VALUES (9001, 2)');
-- WD021: somebody else's note
SELECT pg_temp.try($$INSERT INTO notes (id, owner) VALUES (9001, 'bob')$$);
-- WD030: above the clearance; lowered
SELECT pg_temp.try($$INSERT INTO docs (id, label) VALUES (9001, 'secret')$$);
SELECT pg_temp.try($$UPDATE docs SET label = 'public' WHERE label = 'internal'$$);
-- WD032
SELECT pg_temp.try('TRUNCATE docs');
SELECT pg_temp.try('SET ROLE app');
-- WD033
BEGIN;
INSERT INTO docs (id) VALUES (9001);
SELECT pg_temp.try('RESET ward.token');
ROLLBACK;
-- WD034
SELECT pg_temp.try('EXPLAIN SELECT FROM docs');
-- WD035, WD036
RESET ward.token;
SELECT pg_temp.try($$SELECT ward.protect('docs', tenant => 'body_count')$$);
SELECT pg_temp.try($$SELECT ward.trust_issuer('https://x', 'y', '{"keys":[{"kty":"oct","k":"AAAA"}]}')$$);
SELECT pg_temp.try($$SELECT ward.protect('docs', options => '{"colour":"red"}')$$);
SELECT pg_temp.try($$SELECT ward.unprotect('docs', ' ')$$);
SELECT pg_temp.try($$SELECT ward.revoke('colour', 'red', 'test')$$);
-- WD037, WD038
SELECT pg_temp.try($$SELECT 'top secret'::ward.label$$);
BEGIN;
SELECT count(ward.define_category('errors_' || n)) <= 31 FROM generate_series(1, 31 - (SELECT count(*) FROM ward_internal.category)) n;
SELECT pg_temp.try($$SELECT ward.define_category('errors_33')$$);
ROLLBACK;
-- WD040: a registry that does not fit the table
BEGIN;
UPDATE ward_internal.protection SET tenant = 'gone' WHERE relation = 'docs'::regclass;
SELECT pg_temp.try('SELECT FROM docs');
ROLLBACK;
\pset tuples_only off
-- An incomplete extension refuses everything but what repairs it, and that only to superusers.
CREATE DATABASE incomplete;
\c incomplete
SET client_min_messages = warning;
CREATE EXTENSION ward;
CREATE TABLE protected (id int, tenant_id int);
SELECT ward.protect('protected', label => NULL);
ALTER TABLE ward_internal.mask_key RENAME TO lost;
\c incomplete
SELECT 1;
SET ROLE app;
ALTER EXTENSION ward UPDATE;
RESET ROLE;
ALTER EXTENSION ward UPDATE;
SELECT 1;
SELECT * FROM protected;
SET client_min_messages = warning;
DROP EXTENSION ward CASCADE;
SELECT 1;
SELECT * FROM protected;
\c postgres
DROP DATABASE incomplete;
