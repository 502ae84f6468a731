-- Foreign keys are checked and cascaded over the rows of all tenants. Code that runs inside a
-- cascade (triggers) is not core's and sees only the session's rows, with plans of its own.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET ROLE app_owner;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
GRANT ALL ON parent, child TO app;
CREATE TABLE seen (who text, what text);
GRANT ALL ON seen TO app;
-- the attacker's trigger, written so that its statements look like those of a foreign key
CREATE FUNCTION app.spy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
    BEGIN
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    PERFORM 1 FROM ONLY docs WHERE tenant_id = 2;
    INSERT INTO seen VALUES (TG_OP, 'PERFORM docs: ' || FOUND);
    PERFORM 1 FROM ONLY docs x WHERE tenant_id = 2 FOR KEY SHARE OF x;
    INSERT INTO seen VALUES (TG_OP, 'KEY SHARE docs: ' || FOUND);
    EXECUTE 'SELECT 1 FROM ONLY docs x WHERE tenant_id = $1' USING 2;
    GET DIAGNOSTICS n = ROW_COUNT;
    INSERT INTO seen VALUES (TG_OP, 'EXECUTE docs: ' || n);
    DELETE FROM ONLY docs WHERE tenant_id = 2 AND id > 100;
    GET DIAGNOSTICS n = ROW_COUNT;
    INSERT INTO seen VALUES (TG_OP, 'DELETE docs: ' || n);
    UPDATE ONLY docs SET body = 'defaced' WHERE tenant_id = 2;
    GET DIAGNOSTICS n = ROW_COUNT;
    INSERT INTO seen VALUES (TG_OP, 'UPDATE docs: ' || n);
    PERFORM 1 FROM ONLY docs_open WHERE tenant_id = 2;
    INSERT INTO seen VALUES (TG_OP, 'PERFORM docs_open: ' || FOUND);
    PERFORM count(*) FROM docs;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER spy BEFORE DELETE OR UPDATE ON child FOR EACH ROW EXECUTE FUNCTION spy();
-- a trigger inside a statement inside the cascade
CREATE TABLE deep (id int);
GRANT ALL ON deep TO app;
CREATE FUNCTION app.deeper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deep VALUES (1);
    RETURN OLD;
END $$;
CREATE TRIGGER deeper BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION deeper();
CREATE FUNCTION app.deepest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ONLY docs WHERE tenant_id = 2;
    INSERT INTO seen VALUES ('deep', 'PERFORM docs: ' || FOUND);
    RETURN NULL;
END $$;
CREATE TRIGGER deepest AFTER INSERT ON deep FOR EACH ROW EXECUTE FUNCTION deepest();
RESET ROLE;
INSERT INTO parent SELECT generate_series(1, 9);
INSERT INTO child SELECT n, n FROM generate_series(1, 9) n;

SET ROLE app;
SET ward.token = :'alice';
BEGIN;
DELETE FROM parent WHERE id = 1;
UPDATE parent SET id = 12 WHERE id = 2;
SELECT * FROM seen;
-- the plans made there are used again outside of the cascade
TRUNCATE seen;
DELETE FROM child WHERE id = 3;
SELECT * FROM seen;
ROLLBACK;
SET ward.token = '';
RESET ROLE;
-- the same for the owner of all these tables, in whose name core runs the cascade
SET ROLE app_owner;
SET ward.token = :'alice';
BEGIN;
DELETE FROM parent WHERE id < 9;
DELETE FROM child WHERE id = 9;
SELECT DISTINCT * FROM seen ORDER BY who, what;
ROLLBACK;
SET ward.token = '';

-- the value of a foreign key is cast by a function of the attacker's
CREATE TYPE key AS ENUM ('1');
CREATE FUNCTION app.peek(key) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM 1 FROM ONLY docs WHERE tenant_id = 2;
    RAISE NOTICE 'cast saw docs of tenant 2: %', FOUND;
    RETURN 1;
END $$;
CREATE CAST (key AS int) WITH FUNCTION app.peek(key) AS IMPLICIT;
CREATE TABLE cast_child (parent_id key REFERENCES parent ON DELETE CASCADE);
SET ward.token = :'alice';
INSERT INTO cast_child VALUES ('1');
DELETE FROM parent WHERE id = 1;
SET ward.token = '';
DROP TABLE cast_child;
DROP TYPE key CASCADE;
-- the default that a foreign key sets is computed by one
CREATE FUNCTION app.choose() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ONLY docs WHERE tenant_id = 2;
    RAISE NOTICE 'default saw docs of tenant 2: %', FOUND;
    RETURN 2;
END $$;
CREATE TABLE default_child (id int PRIMARY KEY, parent_id int DEFAULT choose() REFERENCES parent ON DELETE SET DEFAULT);
INSERT INTO default_child VALUES (1, 3);
SET ward.token = :'alice';
BEGIN;
DELETE FROM parent WHERE id = 3;
SELECT * FROM default_child;
ROLLBACK;
SET ward.token = '';
DROP TABLE default_child;
DROP FUNCTION app.choose;
-- after an error inside a cascade, foreign keys are still core's and statements the session's
CREATE FUNCTION app.fails() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'on purpose'; END$$;
CREATE TABLE failing (id int REFERENCES parent ON DELETE CASCADE);
CREATE TRIGGER fails BEFORE DELETE ON failing FOR EACH ROW EXECUTE FUNCTION fails();
INSERT INTO failing VALUES (3);
SET ward.token = :'alice';
DO $$
BEGIN
    BEGIN
        DELETE FROM parent WHERE id = 3;
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE '%', SQLERRM;
    END;
    PERFORM 1 FROM ONLY docs WHERE tenant_id = 2;
    RAISE NOTICE 'after it saw docs of tenant 2: %', FOUND;
    BEGIN
        DELETE FROM docs WHERE id = 3;
        RAISE 'notes cascaded: %', NOT EXISTS (SELECT FROM notes WHERE doc_id = 3);
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE '%', SQLERRM;
    END;
END $$;
SET ward.token = '';
DROP TABLE failing;
DROP FUNCTION app.fails;

-- foreign keys themselves: notes of all tenants hang on docs
RESET ROLE;
SET ROLE app_owner;
CREATE TABLE remarks (id int PRIMARY KEY, doc_id int REFERENCES docs ON DELETE CASCADE, tenant_id int);
GRANT ALL ON remarks TO app;
RESET ROLE;
SELECT ward.protect('remarks', label => NULL);
SET ROLE app;
SET ward.token = :'bob';
INSERT INTO remarks VALUES (1, 6), (2, 1);
SET ward.token = :'alice';
INSERT INTO remarks VALUES (3, 6);
INSERT INTO remarks VALUES (4, 9999);
SELECT * FROM remarks ORDER BY id;
DELETE FROM docs WHERE id = 6;
SELECT * FROM remarks ORDER BY id;
SET ward.token = :'bob';
SELECT * FROM remarks ORDER BY id;
SET ward.token = '';

RESET ROLE;
SET ward.maintenance = 'compare';
SELECT count(*) FILTER (WHERE d.id IS NULL) AS gone, count(*) FILTER (WHERE d.body <> o.body) AS changed
    FROM docs_open o LEFT JOIN docs d USING (id) WHERE o.id <> 6;
INSERT INTO docs SELECT * FROM docs_open WHERE id = 6;
INSERT INTO notes SELECT 6, 6, 1, 'alice', '{board}', 'note 6';
RESET ward.maintenance;
DROP TABLE remarks, child, parent, seen, deep;
DROP FUNCTION app.spy, app.deeper, app.deepest;
