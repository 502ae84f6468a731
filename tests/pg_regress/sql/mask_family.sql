-- Partitions, inheritance children and column grants: masks follow the column's name.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set try :suite '/common/try.psql'
\i :try
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE app_owner;
CREATE TABLE staff (id int, gone int, tenant_id int, ssn text, city text) PARTITION BY LIST (tenant_id);
ALTER TABLE staff DROP COLUMN gone;
CREATE TABLE staff_1 PARTITION OF staff FOR VALUES IN (1);
-- other column numbers, one more column dropped
CREATE TABLE staff_2 (city text, x int, ssn text, tenant_id int, id int);
ALTER TABLE staff_2 DROP COLUMN x;
ALTER TABLE staff ATTACH PARTITION staff_2 FOR VALUES IN (2);
CREATE TABLE staff_rest PARTITION OF staff DEFAULT PARTITION BY HASH (id);
CREATE TABLE staff_rest_0 PARTITION OF staff_rest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO staff SELECT n, n % 4, 'RAW-' || n, 'city ' || n FROM generate_series(1, 12) n;
CREATE TABLE base (id int, tenant_id int, secret text);
CREATE TABLE child (extra text) INHERITS (base);
CREATE TABLE grandchild () INHERITS (child);
INSERT INTO base VALUES (1, 1, 'RAW base');
INSERT INTO child VALUES (2, 1, 'RAW child', 'x');
INSERT INTO grandchild VALUES (3, 1, 'RAW grandchild', 'y');
CREATE TABLE staff_open AS TABLE staff;
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO app;
SELECT ward.protect('staff', label => NULL), ward.protect('base', label => NULL);
SELECT ward.mask('staff', 'ssn', 'constant(***)', 'secret'), ward.mask('base', 'secret', 'constant(***)', 'secret');
-- a child has no mask of its own: the parent would show the value
SELECT pg_temp.try('SELECT ward.mask(''staff_1'', ''city'', ''null'')'), pg_temp.try('SELECT ward.mask(''child'', ''extra'', ''null'')');
SET ROLE app;
-- control arm
SELECT count(*) FILTER (WHERE ssn LIKE 'RAW%') AS leaks FROM staff_open;
SET ward.token = :'carol';
SELECT tableoid::regclass, id, ssn, city FROM staff ORDER BY id;
SELECT * FROM staff_1 ORDER BY id LIMIT 1;
SELECT * FROM staff_2 ORDER BY id LIMIT 1;
SELECT s FROM staff_2 s ORDER BY id LIMIT 1;
SELECT count(*) FROM staff_rest;
SELECT * FROM base ORDER BY id;
SELECT * FROM ONLY base;
SELECT * FROM child ORDER BY id;
SELECT g FROM grandchild g;
BEGIN;
UPDATE staff SET tenant_id = 2 WHERE id = 1 RETURNING tableoid::regclass, ssn, staff;
DELETE FROM staff_2 WHERE ssn = '***' AND id = 2 RETURNING ssn, staff_2;
UPDATE base SET tenant_id = tenant_id RETURNING secret, base;
INSERT INTO staff (id, tenant_id, ssn) VALUES (50, 2, 'RAW mine') RETURNING ssn;
SELECT pg_temp.try('UPDATE staff_2 SET ssn = ''x''');
MERGE INTO staff s USING (VALUES (5), (60)) v(id) ON s.id = v.id AND s.ssn = '***'
    WHEN MATCHED THEN UPDATE SET city = 'merged' WHEN NOT MATCHED THEN INSERT (id, tenant_id, city) VALUES (v.id, 1, 'new');
SELECT id, ssn, city FROM staff WHERE city IN ('merged', 'new') ORDER BY id;
ROLLBACK;
RESET ward.token;
RESET ROLE;

-- children that come later, and one that leaves
CREATE TABLE staff_5 (ssn text, city text, tenant_id int, id int);
INSERT INTO staff_5 VALUES ('RAW late', 'late', 5, 70);
ALTER TABLE staff_rest RENAME TO staff_others;
BEGIN;
SET LOCAL ward.maintenance = 'test';
ALTER TABLE staff ATTACH PARTITION staff_5 FOR VALUES IN (5);
ALTER TABLE staff DETACH PARTITION staff_2;
COMMIT;
GRANT SELECT ON staff_5 TO app;
SELECT relation, column_name, method FROM ward.masks WHERE relation IN ('staff'::regclass, 'staff_2'::regclass) ORDER BY 1;
SET ROLE app;
SET ward.token = :'carol';
SELECT ssn, city FROM staff_2 ORDER BY id LIMIT 1;
RESET ward.token;
RESET ROLE;

-- column grants stay what they were
REVOKE ALL ON staff FROM app;
GRANT SELECT (id, ssn), UPDATE (city) ON staff TO app;
SET ROLE app;
SET ward.token = :'alice';
SELECT id, ssn FROM staff ORDER BY id LIMIT 1;
SELECT pg_temp.try('SELECT id, city FROM staff'), pg_temp.try('SELECT * FROM staff'), pg_temp.try('SELECT s FROM staff s'),
       pg_temp.try('SELECT id FROM staff FOR UPDATE');
SELECT pg_temp.try('UPDATE staff SET city = ''x'' WHERE id = 1'), pg_temp.try('UPDATE staff SET city = ''x'' WHERE city = ''y''');
RESET ward.token;
RESET ROLE;
DROP TABLE staff, staff_2, base, staff_open CASCADE;
