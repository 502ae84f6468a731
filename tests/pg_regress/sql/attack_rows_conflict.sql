-- INSERT … ON CONFLICT and MERGE meet rows that the session cannot see. A function in their WHERE
-- must not be shown such a row, and no branch may change it.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET ROLE app_owner;
CREATE FUNCTION app.leak(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
    $$BEGIN RAISE NOTICE 'leak saw: %', what; RETURN false; END$$;
CREATE TABLE twin (LIKE docs_open, PRIMARY KEY (id));
INSERT INTO twin SELECT * FROM docs_open;
GRANT ALL ON twin TO app;
RESET ROLE;
-- control arm: without protection the function is shown the row, and the row is changed
SET ROLE app;
INSERT INTO twin (id, body) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET body = 'mine' WHERE leak(twin.body);
MERGE INTO twin d USING (VALUES (1)) v (id) ON d.id = v.id
    WHEN MATCHED AND leak(d.body) THEN UPDATE SET body = 'mine'
    WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN DO NOTHING;
SELECT count(*) FROM twin WHERE id = 1;

SET ward.token = :'alice';
-- id 1 belongs to tenant 2
INSERT INTO docs (id, body) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET body = 'mine' WHERE leak(docs.body);
INSERT INTO docs (id, body) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET body = 'mine';
INSERT INTO docs (id, body) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET body = docs.body || leak(docs.body)::text;
INSERT INTO docs (id, body) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET tenant_id = 1;
INSERT INTO docs (id, body) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET body = 'mine' RETURNING *;
INSERT INTO docs (id, body) VALUES (1, 'mine') ON CONFLICT DO NOTHING RETURNING *;
INSERT INTO docs (id, body) SELECT id, 'mine' FROM docs_open WHERE id IN (3, 4) ORDER BY id ON CONFLICT (id) DO UPDATE SET body = 'mine' WHERE leak(docs.body);
-- id 3 is one's own: the same statements work
BEGIN;
INSERT INTO docs (id, body) VALUES (3, 'mine') ON CONFLICT (id) DO UPDATE SET body = 'mine' WHERE leak(docs.body);
INSERT INTO docs (id, body) VALUES (3, 'mine') ON CONFLICT (id) DO UPDATE SET body = excluded.body || ', ' || docs.body RETURNING id, tenant_id, label, body;
INSERT INTO docs (id, body) VALUES (3, 'mine') ON CONFLICT (id) DO UPDATE SET tenant_id = 2;
ROLLBACK;
-- above one's clearance: id 3 is confidential{pii}
SET ward.token = :'anna';
INSERT INTO docs (id, label, body) VALUES (3, 'public', 'mine') ON CONFLICT (id) DO UPDATE SET body = 'mine' WHERE leak(docs.body);
INSERT INTO docs (id, label, body) VALUES (3, 'public', 'mine') ON CONFLICT (id) DO UPDATE SET label = 'public';

-- MERGE
SET ward.token = :'alice';
MERGE INTO docs d USING (VALUES (1)) v (id) ON d.id = v.id
    WHEN MATCHED AND leak(d.body) THEN UPDATE SET body = 'mine'
    WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN DO NOTHING;
MERGE INTO docs d USING (VALUES (1)) v (id) ON d.id = v.id AND leak(d.body)
    WHEN MATCHED THEN DELETE;
MERGE INTO docs d USING (VALUES (1)) v (id) ON d.id = v.id
    WHEN NOT MATCHED THEN INSERT (id, body) VALUES (1, 'mine');
MERGE INTO docs d USING (VALUES (9201, 2)) v (id, tenant) ON d.id = v.id
    WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (v.id, v.tenant);
BEGIN;
MERGE INTO docs d USING (VALUES (3), (9202)) v (id) ON d.id = v.id
    WHEN MATCHED THEN UPDATE SET body = 'mine'
    WHEN NOT MATCHED THEN INSERT (id, body) VALUES (v.id, 'new');
SELECT id, tenant_id, label, body FROM docs WHERE id IN (3, 9202) ORDER BY id;
MERGE INTO docs d USING (VALUES (3)) v (id) ON d.id = v.id WHEN MATCHED THEN UPDATE SET tenant_id = 2;
ROLLBACK;
MERGE INTO docs d USING (VALUES (3)) v (id) ON d.id = v.id WHEN MATCHED THEN UPDATE SET label = 'public';
MERGE INTO docs d USING (VALUES (9203)) v (id) ON d.id = v.id WHEN NOT MATCHED THEN INSERT (id, label) VALUES (v.id, 'secret');
-- the source of a MERGE is a relation like any other
BEGIN;
MERGE INTO docs_open o USING docs d ON o.id = d.id WHEN MATCHED THEN UPDATE SET body = 'seen';
SELECT tenant_id, count(*) FROM docs_open WHERE body = 'seen' GROUP BY 1;
ROLLBACK;
-- nothing of the other tenants has changed
SET ward.token = '';
RESET ROLE;
SET ward.maintenance = 'compare';
SELECT count(*) FROM docs JOIN docs_open o USING (id) WHERE docs.body <> o.body OR docs.tenant_id <> o.tenant_id OR docs.label <> o.label;
RESET ward.maintenance;
DROP TABLE app.twin;
DROP FUNCTION app.leak;
