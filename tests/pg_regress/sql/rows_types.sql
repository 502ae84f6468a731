-- Every type that a tenant, an owner or an acl may have, each dimension alone and together.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
\set uma `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"00000000-0000-4000-8000-00000000000a","tenant":"00000000-0000-4000-8000-000000000001","groups":["00000000-0000-4000-8000-00000000000b"],"clearance":"internal"}'`
\set seven `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"7","tenant":"1","groups":["8","staff"],"clearance":"internal"}'`
\set odd `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"o\u0027hara","tenant":"a\u0027; DROP TABLE docs; --","groups":["x,y","{z}"],"clearance":"internal"}'`
\set big `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"7","tenant":"99999999999","clearance":"internal"}'`
SET client_min_messages = warning;
CREATE PROCEDURE app.make(kind text, tenants text[], owners text[]) LANGUAGE plpgsql AS $$
DECLARE name text := 'typed_' || split_part(kind, '(', 1);
BEGIN
    EXECUTE format('CREATE TABLE app.%I (id int, tenant_id %s, owner %s, acl %s[])', name, kind, kind, kind);
    EXECUTE format('INSERT INTO app.%I SELECT n, ($1)[n %% 2 + 1]::%s, ($2)[n %% 2 + 1]::%s, ARRAY[($2)[n %% 3]]::%s[] FROM generate_series(1, 12) n', name, kind, kind, kind)
        USING tenants, owners;
    EXECUTE format('GRANT ALL ON app.%I TO app', name);
    PERFORM ward.protect(('app.' || name)::regclass, label => NULL, owner => 'owner', acl => 'acl');
END $$;
CALL app.make('int2', '{1,2}', '{7,8}');
CALL app.make('int4', '{1,2}', '{7,8}');
CALL app.make('int8', '{1,99999999999}', '{7,8}');
CALL app.make('text', '{1,2}', '{7,8}');
CALL app.make('varchar', '{1,2}', '{7,8}');
CALL app.make('uuid', '{00000000-0000-4000-8000-000000000001,00000000-0000-4000-8000-000000000002}', '{00000000-0000-4000-8000-00000000000a,00000000-0000-4000-8000-00000000000b}');
CREATE FUNCTION app.seen(kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(id::text, '','' ORDER BY id) FROM typed_%s', kind) INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION app.written(kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('INSERT INTO typed_%s (id) VALUES (100) RETURNING tenant_id || '' '' || owner', kind) INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE app.kinds AS SELECT kind FROM unnest('{int2,int4,int8,text,varchar,uuid}'::text[]) kind;
GRANT SELECT ON app.kinds TO app;
-- control arm: what is there (tenants alternate; odd ids belong to the second)
SET ward.maintenance = 'look';
SELECT kind, seen(kind) FROM kinds;
RESET ward.maintenance;
SET ROLE app;
SET ward.token = :'seven';
SELECT kind, seen(kind), written(kind) FROM kinds;
SET ward.token = :'uma';
SELECT kind, seen(kind), written(kind) FROM kinds;
SET ward.token = :'odd';
SELECT kind, seen(kind), written(kind) FROM kinds;
SET ward.token = :'big';
SELECT kind, seen(kind), written(kind) FROM kinds;
SET ward.token = '';
RESET ROLE;

-- each dimension alone
CREATE TABLE app.plain (id int PRIMARY KEY, tenant_id int, label ward.label, owner text, acl text[]);
INSERT INTO plain SELECT n, n % 3 + 1, (ARRAY['public', 'internal', 'secret'])[n % 3 + 1]::label, (ARRAY['alice', 'bob'])[n % 2 + 1], (ARRAY['{}', '{staff}', '{board}', NULL])[n % 4 + 1]::text[] FROM generate_series(1, 24) n;
GRANT ALL ON app.plain TO app;
\set ids 'SELECT string_agg(id::text, '','' ORDER BY id) AS ids FROM plain'
\set add 'SELECT pg_temp.try(''INSERT INTO plain (id) VALUES (100)''), pg_temp.try(''DELETE FROM plain WHERE id = 100'')'
SELECT ward.protect('plain', label => NULL);
SET ROLE app; SET ward.token = :'alice'; :ids; :add; SET ward.token = :'dora'; :ids; SET ward.token = ''; RESET ROLE;
SELECT ward.protect('plain', tenant => NULL);
SET ROLE app; SET ward.token = :'alice'; :ids; :add; SET ward.token = :'dora'; :ids; :add; SET ward.token = ''; RESET ROLE;
SELECT ward.protect('plain', tenant => NULL, label => NULL, owner => 'owner');
SET ROLE app; SET ward.token = :'alice'; :ids; :add; SET ward.token = :'dora'; :ids; :add; SET ward.token = ''; RESET ROLE;
SELECT ward.protect('plain', tenant => NULL, label => NULL, acl => 'acl');
SET ROLE app; SET ward.token = :'alice'; :ids; :add; SET ward.token = :'dora'; :ids; :add; SET ward.token = ''; RESET ROLE;
SELECT ward.protect('plain', label => NULL, acl => 'acl');
SET ROLE app; SET ward.token = :'alice'; :ids; :add; SET ward.token = ''; RESET ROLE;
SELECT ward.protect('plain', owner => 'owner', acl => 'acl');
SET ROLE app; SET ward.token = :'alice'; :ids; :add; SET ward.token = ''; RESET ROLE;
DROP TABLE app.plain, app.kinds, app.typed_int2, app.typed_int4, app.typed_int8, app.typed_text, app.typed_varchar, app.typed_uuid;
DROP PROCEDURE app.make;
DROP FUNCTION app.seen, app.written;
