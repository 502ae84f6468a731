-- COPY FROM into partitioned tables, with triggers, nested, and with rules.
\set VERBOSITY terse
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\set ECHO none
\i :tokens
\set ECHO all
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE load_parts (id serial, tenant_id int, body text, embedding vector(3)) PARTITION BY LIST (tenant_id);
CREATE TABLE load_part1 PARTITION OF load_parts FOR VALUES IN (1);
CREATE TABLE load_part2 PARTITION OF load_parts FOR VALUES IN (2);
CREATE TABLE load_trig (id int, tenant_id int, body text);
CREATE TABLE load_inner (id int, tenant_id int, body text);
CREATE TABLE load_log (what text);
CREATE FUNCTION load_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.body = 'skip' THEN RETURN NULL; END IF;
    IF NEW.body = 'nested' THEN
        COPY load_inner (id, body) FROM PROGRAM 'printf "1\tinner\n2\tinner\n"';
    ELSIF NEW.body = 'caught' THEN
        BEGIN
            COPY load_inner (id, tenant_id) FROM PROGRAM 'printf "1\t2\n2\t1\n"';
        EXCEPTION WHEN insufficient_privilege THEN NEW.body = 'caught ' || SQLERRM;
        END;
    ELSIF NEW.body = 'self' THEN
        COPY load_trig (id, body) FROM PROGRAM 'printf "8\tself 1\n9\tself 2\n"';
    END IF;
    NEW.body = NEW.body || ' (' || coalesce(NEW.tenant_id::text, 'no tenant') || ')';
    RETURN NEW;
END $$;
CREATE FUNCTION load_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO load_log SELECT TG_WHEN || ' ' || count(*) FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER r BEFORE INSERT ON load_trig FOR EACH ROW EXECUTE FUNCTION load_row();
CREATE TRIGGER s AFTER INSERT ON load_trig REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION load_statement();
GRANT ALL ON ALL TABLES IN SCHEMA app TO app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO app;
RESET ROLE;
GRANT pg_execute_server_program TO app;
SELECT ward.protect('load_parts', label => NULL), ward.protect('load_trig', label => NULL), ward.protect('load_inner', label => NULL);

-- partitions: routed by the tenant that was filled in; named directly; the sequence counts once a row
SET ROLE app;
SET ward.token = :'bob';
COPY load_parts (body, embedding) FROM STDIN;
one	[1,2,3]
two	[4,5,6]
\.
COPY load_part2 (body) FROM STDIN;
direct
\.
COPY load_part1 (body) FROM STDIN;
wrong partition
\.
COPY load_parts (tenant_id, body) FROM STDIN;
1	wrong tenant
\.
SELECT tableoid::regclass, * FROM load_parts ORDER BY body;
RESET ward.token;
SET ward.token = :'carol';
COPY load_parts (tenant_id, body) FROM STDIN;
1	of carol
2	of carol
\.
COPY load_parts (body) FROM STDIN;
of which tenant
\.
SELECT tableoid::regclass, count(*) FROM load_parts GROUP BY 1 ORDER BY 1;
RESET ward.token;

-- triggers run as for INSERT: before rows see what was filled in, and may skip or change a row
SET ward.token = :'bob';
COPY load_trig (id, body) FROM STDIN;
1	plain
2	skip
3	plain
\.
-- a COPY inside a COPY
COPY load_trig (id, body) FROM STDIN;
4	nested
5	plain
6	caught
7	self
10	plain
\.
SELECT * FROM load_trig ORDER BY id;
SELECT * FROM load_inner ORDER BY id;
TABLE load_log;
-- an error in the middle leaves nothing behind
COPY load_trig (id, body) FROM STDIN;
11	nested
x	broken
\.
SELECT count(*) FROM load_trig WHERE id = 11;
COPY load_trig (id, body) FROM STDIN;
12	nested
\.
SELECT count(*) FROM load_inner;
RESET ward.token;
RESET ROLE;

-- rules are not followed by COPY
CREATE RULE r AS ON INSERT TO load_inner DO ALSO INSERT INTO load_log VALUES ('rule');
SET ward.token = :'bob';
COPY load_inner (id) FROM STDIN;
\.
RESET ward.token;

REVOKE pg_execute_server_program FROM app;
DROP TABLE load_parts, load_trig, load_inner, load_log;
DROP FUNCTION load_row, load_statement;
