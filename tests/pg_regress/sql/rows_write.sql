-- Writing: what a row lacks is filled from the session, what it claims is checked.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
CREATE TABLE items (id int PRIMARY KEY, tenant_id int, label ward.label, owner text, shared_with text[], body text DEFAULT 'none', upper_body text GENERATED ALWAYS AS (upper(body)) STORED);
CREATE TABLE items_open (LIKE items INCLUDING ALL);
GRANT ALL ON items, items_open TO app;
RESET ROLE;
SELECT ward.protect('items', owner => 'owner', acl => 'shared_with');
\set show 'SELECT id, tenant_id, label, owner, shared_with, body FROM items ORDER BY id'
SET ROLE app;
SET ward.token = :'alice';

-- filling: nothing named, DEFAULT, explicit NULL, by every form of INSERT
INSERT INTO items (id) VALUES (1);
INSERT INTO items (id, tenant_id, label, owner) VALUES (2, DEFAULT, DEFAULT, DEFAULT);
INSERT INTO items (id, tenant_id, label, owner) VALUES (3, NULL, NULL, NULL);
INSERT INTO items (id, tenant_id, body) VALUES (4, NULL, 'a'), (5, 1, DEFAULT), (6, DEFAULT, 'c');
INSERT INTO items VALUES (7), (8);
INSERT INTO items (id, body) SELECT 9, 'selected';
INSERT INTO items (id, tenant_id, owner) SELECT 10, NULL, NULL;
INSERT INTO items (label, id) VALUES ('confidential{pii}', 11) RETURNING id, tenant_id, label, owner;
INSERT INTO items (id) VALUES (12) ON CONFLICT (id) DO NOTHING RETURNING tenant_id;
WITH w AS (INSERT INTO items (id) VALUES (13) RETURNING *) SELECT id, tenant_id, label, owner FROM w;
MERGE INTO items i USING (VALUES (14), (15)) v (id) ON i.id = v.id WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id);
MERGE INTO items i USING (VALUES (16)) v (id) ON i.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, NULL, DEFAULT);
PREPARE ins(int, int) AS INSERT INTO items (id, tenant_id) VALUES ($1, $2) RETURNING tenant_id;
EXECUTE ins(17, NULL);
EXECUTE ins(18, 1);
:show;
-- control arm: the unprotected twin stays as the statement left it
INSERT INTO items_open (id) VALUES (1) RETURNING tenant_id, label, owner;
INSERT INTO items_open (id, tenant_id) VALUES (2, 2) RETURNING tenant_id;

-- claiming what is not one's own
SELECT pg_temp.try('INSERT INTO items (id, tenant_id) VALUES (100, 2)');
SELECT pg_temp.try('INSERT INTO items (id, tenant_id) VALUES (100, 1), (101, 2)');
SELECT pg_temp.try('INSERT INTO items (id, tenant_id) SELECT id, tenant_id FROM docs_open');
SELECT pg_temp.try('INSERT INTO items (id, label) VALUES (100, ''secret'')');
SELECT pg_temp.try('INSERT INTO items (id, label) VALUES (100, ''public{phi}'')');
SELECT pg_temp.try('INSERT INTO items (id, owner) VALUES (100, ''bob'')');
SELECT pg_temp.try('INSERT INTO items (id, owner, shared_with) VALUES (100, ''bob'', ''{alice,staff}'')');
SELECT pg_temp.try('EXECUTE ins(100, 2)');
SELECT pg_temp.try('MERGE INTO items i USING (VALUES (100)) v (id) ON i.id = v.id WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (100, 2)');
SELECT pg_temp.try('UPDATE items SET tenant_id = 2 WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET tenant_id = NULL WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET label = ''public'' WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET label = NULL WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET label = ''confidential{phi}'' WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET (label, body) = (SELECT ''public''::label, ''x'') WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET owner = ''bob'' WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET owner = NULL WHERE id = 1');
-- raising a label within one's clearance is allowed, and is then kept
SELECT pg_temp.try('UPDATE items SET label = ''confidential'' WHERE id = 1');
SELECT pg_temp.try('UPDATE items SET (label, body) = (SELECT ''confidential{pii}''::label, ''raised'') WHERE id = 2');
SELECT pg_temp.try('UPDATE items SET label = ''internal'' WHERE id = 1');

-- whose row it is
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'test data';
INSERT INTO items VALUES
    (50, 1, 'public', 'bob', '{}', 'bob alone'),
    (51, 1, 'public', 'bob', '{alice}', 'shared with alice'),
    (52, 1, 'public', 'bob', '{staff}', 'shared with staff'),
    (53, 1, 'public', 'bob', NULL, 'shared with nobody'),
    (54, 2, 'public', 'alice', '{alice}', 'of alice, in another tenant'),
    (55, NULL, 'public', 'alice', '{alice}', 'of no tenant'),
    (56, 1, NULL, 'alice', '{alice}', 'unlabelled'),
    (57, 1, 'secret', 'alice', '{alice}', 'above'),
    (58, 1, 'public', NULL, '{alice}', 'without owner');
RESET ward.maintenance;
SET ROLE app;
SET ward.token = :'alice';
SELECT id, body FROM items WHERE id >= 50 ORDER BY id;
SELECT id FROM items WHERE id >= 50 ORDER BY id FOR UPDATE;
UPDATE items SET body = 'changed' WHERE id >= 50 RETURNING id;
DELETE FROM items WHERE id >= 50 RETURNING id;
SELECT pg_temp.try('INSERT INTO items (id) VALUES (52) ON CONFLICT (id) DO UPDATE SET body = ''changed''');
SELECT pg_temp.try('MERGE INTO items i USING (VALUES (52)) v (id) ON i.id = v.id WHEN MATCHED THEN UPDATE SET body = ''changed''');
SELECT pg_temp.try('MERGE INTO items i USING (VALUES (52)) v (id) ON i.id = v.id WHEN MATCHED THEN DELETE');
SET ward.token = '';

-- a token of several tenants: reads all, and must name one to write
SET ward.token = :'carol';
SELECT tenant_id, count(*) FROM docs GROUP BY 1 ORDER BY 1;
SELECT pg_temp.try('INSERT INTO docs (id, label) VALUES (9301, ''public'')');
SELECT pg_temp.try('INSERT INTO docs (id, tenant_id) VALUES (9301, 1), (9302, 2)');
SELECT pg_temp.try('INSERT INTO docs (id, tenant_id) VALUES (9303, 3)');
UPDATE docs SET tenant_id = 2 WHERE id = 9301 RETURNING tenant_id;
DELETE FROM docs WHERE id > 9300 RETURNING id, tenant_id, label;
SELECT pg_temp.try('SELECT ward.tenant()');
SELECT tenants();
SET ward.token = '';

-- rows shared with every tenant: read by all, written and locked by none
RESET ROLE;
SET ROLE app_owner;
CREATE TABLE prices (id int PRIMARY KEY, tenant_id int, amount int);
INSERT INTO prices SELECT n, n % 4, n FROM generate_series(1, 12) n;
GRANT ALL ON prices TO app;
RESET ROLE;
SELECT ward.protect('prices', label => NULL, options => '{"shared_tenant": "0"}');
SET ROLE app;
SET ward.token = :'alice';
SELECT tenant_id, count(*) FROM prices GROUP BY 1 ORDER BY 1;
SELECT id, tenant_id FROM prices ORDER BY 1 FOR UPDATE;
SELECT id, tenant_id FROM prices ORDER BY 1 FOR KEY SHARE;
UPDATE prices SET amount = -1 RETURNING tenant_id;
DELETE FROM prices WHERE tenant_id = 0 RETURNING id;
SELECT pg_temp.try('INSERT INTO prices VALUES (100, 0, 1)');
SELECT pg_temp.try('UPDATE prices SET tenant_id = 0 WHERE id = 1');
SELECT pg_temp.try('INSERT INTO prices VALUES (4, 1, 1) ON CONFLICT (id) DO UPDATE SET amount = 1');
SELECT pg_temp.try('MERGE INTO prices p USING (VALUES (4)) v (id) ON p.id = v.id WHEN MATCHED THEN DELETE');
INSERT INTO prices (id, amount) VALUES (101, 1) RETURNING tenant_id;
-- even if the token claims to be the shared tenant
\set zero `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"zoe","tenant":"0"}'`
SET ward.token = :'zero';
SELECT tenant_id, count(*) FROM prices GROUP BY 1 ORDER BY 1;
SELECT pg_temp.try('UPDATE prices SET amount = 0');
SELECT pg_temp.try('INSERT INTO prices VALUES (100, 0, 1)');
-- or writes its name in another way
\set zeros `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"zoe","tenant":["00"]}'`
SET ward.token = :'zeros';
SELECT tenant_id, count(*) FROM prices GROUP BY 1 ORDER BY 1;
SELECT pg_temp.try('UPDATE prices SET amount = 0');
-- two names of one tenant are one tenant
\set twice `"$WARD_MINT" sign --key "$PG_ABS_BUILDDIR/keys/k1.pem" --alg ES256 --kid k1 --claims '{"iss":"https://idp.test","aud":"app-db","sub":"zoe","tenant":["1","01"]}'`
SET ward.token = :'twice';
INSERT INTO prices (id) VALUES (102) RETURNING tenant_id;
SET ward.token = :'dora';
SELECT pg_temp.try('SELECT FROM prices');
SET ward.token = '';

-- updatable views, with and without CHECK OPTION
RESET ROLE;
CREATE VIEW app.items_view AS SELECT * FROM items;
CREATE VIEW app.items_checked AS SELECT * FROM items WHERE body <> 'forbidden' WITH CHECK OPTION;
GRANT ALL ON items_view, items_checked TO app;
SET ROLE app;
SET ward.token = :'alice';
INSERT INTO items_view (id, body) VALUES (60, 'through a view') RETURNING tenant_id, label, owner;
INSERT INTO items_checked (id, body) VALUES (61, 'through a view') RETURNING tenant_id, label, owner;
SELECT pg_temp.try('INSERT INTO items_checked (id, body) VALUES (62, ''forbidden'')');
SELECT pg_temp.try('INSERT INTO items_view (id, tenant_id) VALUES (62, 2)');
SELECT pg_temp.try('UPDATE items_view SET tenant_id = 2 WHERE id = 60');
SELECT pg_temp.try('UPDATE items_view SET body = ''x'' WHERE id = 53');
SELECT pg_temp.try('DELETE FROM items_view WHERE id = 53');
SELECT pg_temp.try('INSERT INTO items_view (id) VALUES (53) ON CONFLICT (id) DO UPDATE SET body = ''x''');
SET ward.token = '';

-- what a trigger of the table changes is checked after it
RESET ROLE;
SET ROLE app_owner;
CREATE FUNCTION app.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.body = 'to tenant 2' THEN NEW.tenant_id := 2; END IF;
    IF NEW.body = 'to nobody' THEN NEW.tenant_id := NULL; END IF;
    IF NEW.body = 'to secret' THEN NEW.label := 'secret'; END IF;
    RETURN NEW;
END $$;
RESET ROLE;
CREATE TRIGGER meddle BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION meddle();
SET ROLE app;
SET ward.token = :'alice';
SELECT pg_temp.try('INSERT INTO items (id, body) VALUES (70, ''to tenant 2'')');
SELECT pg_temp.try('INSERT INTO items (id, body) VALUES (70, ''to nobody'')');
SELECT pg_temp.try('UPDATE items SET body = ''to secret'' WHERE id = 1');
SELECT pg_temp.try('MERGE INTO items i USING (VALUES (1)) v (id) ON i.id = v.id WHEN MATCHED THEN UPDATE SET body = ''to tenant 2''');
SELECT pg_temp.try('INSERT INTO items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = ''to tenant 2''');
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'compare';
SELECT tenant_id, owner, count(*) FROM items GROUP BY 1, 2 ORDER BY 1, 2;
RESET ward.maintenance;
DROP VIEW app.items_view, app.items_checked;
DROP TABLE items, items_open, prices;
DROP FUNCTION app.meddle;
