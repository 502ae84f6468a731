-- Partitions and inheritance children: named directly, with other column orders and dropped columns,
-- attached and created later, and rows that move between them.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET ROLE app_owner;
-- the tenant is the partition key: rows are routed after they are filled
CREATE TABLE parted (id int, tenant_id int, label ward.label DEFAULT 'public', body text) PARTITION BY LIST (tenant_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 (junk text, body text, label ward.label, tenant_id int, id int);
ALTER TABLE parted_2 DROP COLUMN junk;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES IN (2);
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES IN (3) PARTITION BY RANGE (id);
CREATE TABLE parted_3a (label ward.label, id int, gone int, body text, tenant_id int);
ALTER TABLE parted_3a DROP COLUMN gone;
ALTER TABLE parted_3 ATTACH PARTITION parted_3a FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT n, n % 4 + 1, 'public', 'body ' || n FROM generate_series(1, 40) n;
GRANT ALL ON ALL TABLES IN SCHEMA app TO app, app_bypass;
\set where 'SELECT tableoid::regclass AS part, tenant_id, count(*) FROM'
-- control arm
:where parted GROUP BY 1, 2 ORDER BY 1, 2;
RESET ROLE;
SELECT ward.protect('parted');

SET ROLE app;
SET ward.token = :'bob';
:where parted GROUP BY 1, 2 ORDER BY 1, 2;
:where parted_1 GROUP BY 1, 2;
:where parted_2 GROUP BY 1, 2;
:where parted_3 GROUP BY 1, 2;
:where parted_3a GROUP BY 1, 2;
:where parted_rest GROUP BY 1, 2;
SELECT count(*) FROM ONLY parted_1;
SELECT count(*) FROM parted_1 p JOIN parted q ON p.id = q.id;
SELECT id, tenant_id, label, body FROM parted_2 ORDER BY id LIMIT 2;
-- filling before routing, and in partitions of another column order
INSERT INTO parted (id) VALUES (1001) RETURNING tableoid::regclass, tenant_id, label;
INSERT INTO parted (id, tenant_id) VALUES (1002, NULL), (1003, 2) RETURNING tableoid::regclass, tenant_id;
INSERT INTO parted_2 (id) VALUES (1004) RETURNING tenant_id, label;
INSERT INTO parted_2 (body, tenant_id, id) VALUES ('x', NULL, 1005) RETURNING tenant_id, label;
SELECT pg_temp.try('INSERT INTO parted (id, tenant_id) VALUES (1006, 1)');
SELECT pg_temp.try('INSERT INTO parted_1 (id, tenant_id) VALUES (1006, 1)');
SELECT pg_temp.try('INSERT INTO parted_1 (id) VALUES (1006)');
SELECT pg_temp.try('INSERT INTO parted_3a (id, tenant_id) VALUES (99, 3)');
SELECT pg_temp.try('INSERT INTO parted_3a (id) VALUES (99)');
-- row movement
SELECT pg_temp.try('UPDATE parted SET tenant_id = 1 WHERE id = 1001');
SELECT pg_temp.try('UPDATE parted_2 SET tenant_id = 1 WHERE id = 1001');
SELECT pg_temp.try('UPDATE parted SET body = ''x''');
SELECT pg_temp.try('UPDATE parted_1 SET body = ''x''');
SELECT pg_temp.try('DELETE FROM parted_3');
SELECT pg_temp.try('DELETE FROM parted WHERE tenant_id IN (1, 3, 4)');
SELECT pg_temp.try('UPDATE parted SET label = ''internal'' WHERE id = 1001');
SELECT pg_temp.try('UPDATE parted SET label = ''public'' WHERE id = 1001');
SELECT pg_temp.try('MERGE INTO parted p USING (VALUES (1001), (1), (2001)) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET body = ''merged'' WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id)');
SELECT tableoid::regclass, id, tenant_id, label, body FROM parted WHERE id > 100 OR id = 1 ORDER BY id;
-- one who may write in two tenants moves rows between them
SET ward.token = :'carol';
UPDATE parted SET tenant_id = 1 WHERE id = 1001 RETURNING tableoid::regclass, tenant_id, label;
SELECT pg_temp.try('UPDATE parted SET tenant_id = 3, id = 50 WHERE id = 1001');
:where parted GROUP BY 1, 2 ORDER BY 1, 2;
SET ward.token = '';
:where parted_1 GROUP BY 1, 2;
:where parted_3a GROUP BY 1, 2;
RESET ROLE;
SET ROLE app_bypass;
SET ward.token = :'bob';
:where parted_1 GROUP BY 1, 2;
:where parted GROUP BY 1, 2;
SET ward.token = '';
:where parted_3a GROUP BY 1, 2;
RESET ROLE;

-- partitions that come later
SET ward.maintenance = 'test data';
CREATE TABLE app.parted_5 PARTITION OF app.parted FOR VALUES IN (5);
CREATE TABLE app.parted_6 (tenant_id int, body text, label ward.label, id int);
INSERT INTO parted_6 VALUES (6, 'attached', 'public', 61);
ALTER TABLE app.parted ATTACH PARTITION app.parted_6 FOR VALUES IN (6);
RESET ward.maintenance;
GRANT ALL ON app.parted_5, app.parted_6 TO app;
SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname LIKE 'parted%' ORDER BY 1;
SET ROLE app;
SET ward.token = :'bob';
SELECT count(*) FROM parted_5;
SELECT count(*) FROM parted_6;
SELECT pg_temp.try('INSERT INTO parted_6 VALUES (6, ''x'', ''public'', 62)');
SET ward.token = '';
SELECT count(*) FROM parted_6;
RESET ROLE;

-- ON CONFLICT where a partition has another column order
SET ROLE app_owner;
CREATE TABLE keyed (id int, tenant_id int, label ward.label, body text, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id);
CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES IN (1);
CREATE TABLE keyed_2 (body text, junk int, label ward.label, tenant_id int NOT NULL, id int NOT NULL, PRIMARY KEY (tenant_id, id));
ALTER TABLE keyed_2 DROP COLUMN junk;
ALTER TABLE keyed ATTACH PARTITION keyed_2 FOR VALUES IN (2);
INSERT INTO keyed SELECT n, n % 2 + 1, 'internal', 'body ' || n FROM generate_series(1, 6) n;
GRANT ALL ON keyed TO app;
RESET ROLE;
SELECT ward.protect('keyed');
SET ROLE app;
SET ward.token = :'bob';
INSERT INTO keyed (id, body) VALUES (1, 'new') ON CONFLICT (tenant_id, id) DO UPDATE SET body = keyed.body || ', ' || excluded.body RETURNING tableoid::regclass, *;
INSERT INTO keyed (id, body) VALUES (77, 'new') ON CONFLICT (tenant_id, id) DO UPDATE SET body = 'updated' RETURNING tableoid::regclass, *;
SELECT pg_temp.try('INSERT INTO keyed (id, tenant_id) VALUES (2, 1) ON CONFLICT (tenant_id, id) DO UPDATE SET body = ''x''');
SELECT pg_temp.try('INSERT INTO keyed (id) VALUES (1) ON CONFLICT (tenant_id, id) DO UPDATE SET label = ''public''');
SELECT pg_temp.try('INSERT INTO keyed (id) VALUES (1) ON CONFLICT (tenant_id, id) DO UPDATE SET label = ''secret{x1}''');
SET ward.token = '';
RESET ROLE;

-- inheritance
SET ROLE app_owner;
CREATE TABLE base (id int, tenant_id int, label ward.label);
CREATE TABLE kid (extra text) INHERITS (base);
CREATE TABLE late (extra text, label ward.label, tenant_id int, id int);
INSERT INTO base SELECT n, n % 3 + 1, 'public' FROM generate_series(1, 6) n;
INSERT INTO kid SELECT n, n % 3 + 1, 'public', 'kid' FROM generate_series(11, 16) n;
INSERT INTO late SELECT 'late', 'public', n % 3 + 1, n FROM generate_series(21, 26) n;
GRANT ALL ON base, kid, late TO app;
:where base GROUP BY 1, 2 ORDER BY 1, 2;
RESET ROLE;
SELECT ward.protect('base');
ALTER TABLE app.late INHERIT app.base;
SET ROLE app;
SET ward.token = :'alice';
:where base GROUP BY 1, 2 ORDER BY 1, 2;
:where ONLY base GROUP BY 1, 2 ORDER BY 1, 2;
:where kid GROUP BY 1, 2 ORDER BY 1, 2;
:where late GROUP BY 1, 2 ORDER BY 1, 2;
INSERT INTO late (id) VALUES (30) RETURNING *;
SELECT pg_temp.try('INSERT INTO kid (id, tenant_id) VALUES (30, 2)');
SELECT pg_temp.try('UPDATE base SET tenant_id = 2');
SELECT pg_temp.try('UPDATE base SET id = id + 100');
SELECT pg_temp.try('DELETE FROM base');
SET ward.token = '';
SELECT count(*) FROM kid;
RESET ROLE;
SET ward.maintenance = 'compare';
:where base GROUP BY 1, 2 ORDER BY 1, 2;
:where parted GROUP BY 1, 2 ORDER BY 1, 2;
RESET ward.maintenance;
DROP TABLE base, kid, late, parted, keyed;
