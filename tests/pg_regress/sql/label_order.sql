-- Sorting, grouping, joining, indexing and copying labels.
CREATE TEMP TABLE rows AS
SELECT n AS id, CASE WHEN n % 50 <> 0 THEN label(
           (ARRAY['public', 'internal', 'confidential', 'restricted', 'secret'])[n * 7 % 5 + 1],
           (ARRAY['{}', '{pii}', '{pii,phi}', '{hr,x0}', '{x30}', '{tax}', '{tax,x5,model}'])[n % 7 + 1]::text[]) END AS l
FROM generate_series(1, 3000) n;
ANALYZE rows;
-- The same as numbers: what each result is compared with.
CREATE TEMP TABLE numbers AS
SELECT id, ('x' || encode(ward_internal.label_send(l), 'hex'))::bit(64)::bigint AS n FROM rows;

SELECT l, count(*) FROM rows GROUP BY l ORDER BY l LIMIT 9;
SELECT count(DISTINCT l) = (SELECT count(DISTINCT n) FROM numbers) AS distinct_agrees FROM rows;

-- ORDER BY, both ways and with NULLs at either end, against the numbers; also when it spills.
SET work_mem = '64kB';
SELECT bool_and(a.id = b.id) AS ascending FROM
    (SELECT id, row_number() OVER (ORDER BY l, id) AS r FROM rows) a JOIN
    (SELECT id, row_number() OVER (ORDER BY n, id) AS r FROM numbers) b USING (r);
SELECT bool_and(a.id = b.id) AS descending FROM
    (SELECT id, row_number() OVER (ORDER BY l DESC NULLS LAST, id) AS r FROM rows) a JOIN
    (SELECT id, row_number() OVER (ORDER BY n DESC NULLS LAST, id) AS r FROM numbers) b USING (r);
RESET work_mem;

-- GROUP BY and DISTINCT by hash and by sort.
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT l, count(*) FROM rows GROUP BY l;
CREATE TEMP TABLE by_hash AS SELECT l, count(*) FROM rows GROUP BY l;
RESET enable_sort;
SET enable_hashagg = off;
EXPLAIN (COSTS OFF) SELECT l, count(*) FROM rows GROUP BY l;
CREATE TEMP TABLE by_sort AS SELECT l, count(*) FROM rows GROUP BY l;
RESET enable_hashagg;
SELECT count(*) AS groups, (SELECT count(*) FROM (TABLE by_hash EXCEPT TABLE by_sort) d) AS differing FROM by_hash;

-- Hash join, merge join and nested loop find the same pairs.
CREATE TEMP TABLE pairs (kind text, pairs bigint, sum numeric);
SET enable_mergejoin = off; SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT 1 FROM rows a JOIN rows b USING (l);
INSERT INTO pairs SELECT 'hash', count(*), sum(a.id::bigint * b.id) FROM rows a JOIN rows b USING (l);
RESET enable_mergejoin; SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT 1 FROM rows a JOIN rows b USING (l);
INSERT INTO pairs SELECT 'merge', count(*), sum(a.id::bigint * b.id) FROM rows a JOIN rows b USING (l);
RESET enable_nestloop; SET enable_mergejoin = off;
INSERT INTO pairs SELECT 'loop', count(*), sum(a.id::bigint * b.id) FROM rows a JOIN rows b USING (l);
RESET enable_mergejoin; RESET enable_hashjoin;
INSERT INTO pairs SELECT 'numbers', count(*), sum(a.id::bigint * b.id) FROM numbers a JOIN numbers b USING (n);
SELECT count(*) AS ways, count(DISTINCT (pairs, sum)) AS answers, min(pairs) > 0 AS found FROM pairs;

-- A btree finds what a scan finds, for each comparison, and stores repeated labels once.
CREATE TEMP TABLE scanned AS
SELECT k.l AS k, count(*) FILTER (WHERE r.l < k.l) AS lt, count(*) FILTER (WHERE r.l <= k.l) AS le, count(*) FILTER (WHERE r.l = k.l) AS eq,
       count(*) FILTER (WHERE r.l >= k.l) AS ge, count(*) FILTER (WHERE r.l > k.l) AS gt
FROM (SELECT DISTINCT l FROM rows) k, rows r GROUP BY k.l;
CREATE INDEX rows_btree ON rows (l);
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM rows WHERE l >= 'confidential{pii}' AND l < 'restricted';
EXPLAIN (COSTS OFF) SELECT id FROM rows ORDER BY l DESC LIMIT 3;
SELECT count(*) AS keys, count(*) FILTER (WHERE (lt, le, eq, ge, gt) <> (
    (SELECT count(*) FROM rows WHERE l < k), (SELECT count(*) FROM rows WHERE l <= k), (SELECT count(*) FROM rows WHERE l = k),
    (SELECT count(*) FROM rows WHERE l >= k), (SELECT count(*) FROM rows WHERE l > k))) AS differing
FROM scanned WHERE k IS NOT NULL;
SELECT count(*) = (SELECT count(*) FROM numbers WHERE n IS NULL) AS nulls FROM rows WHERE l IS NULL;
CREATE INDEX rows_plain ON rows (l) WITH (deduplicate_items = off);
SELECT pg_relation_size('rows_btree') < pg_relation_size('rows_plain') / 2 AS deduplicated;
DROP INDEX rows_btree, rows_plain;

CREATE INDEX rows_hash ON rows USING hash (l);
EXPLAIN (COSTS OFF) SELECT count(*) FROM rows WHERE l = 'confidential{pii}';
SELECT count(*) AS keys, count(*) FILTER (WHERE eq <> (SELECT count(*) FROM rows WHERE l = k)) AS differing FROM scanned WHERE k IS NOT NULL;
RESET enable_seqscan; RESET enable_bitmapscan;
DROP INDEX rows_hash;

-- The two hashes agree as partitioned joins require, and spread.
SELECT bool_and(ward_internal.label_hash(l)::bigint & 4294967295 = ward_internal.label_hash_seeded(l, 0) & 4294967295) AS low_half,
       count(DISTINCT ward_internal.label_hash(l)) = count(DISTINCT l) AS no_collision,
       bool_or(ward_internal.label_hash_seeded(l, 1) <> ward_internal.label_hash_seeded(l, 2)) AS seed_matters
FROM rows;

-- Partitions by list, range and hash; unique.
CREATE TEMP TABLE parted (l label, id int) PARTITION BY LIST (l);
CREATE TEMP TABLE parted_open PARTITION OF parted FOR VALUES IN ('public', 'internal', NULL);
CREATE TEMP TABLE parted_rest PARTITION OF parted DEFAULT PARTITION BY RANGE (l);
CREATE TEMP TABLE parted_low PARTITION OF parted_rest FOR VALUES FROM (MINVALUE) TO ('restricted');
CREATE TEMP TABLE parted_high PARTITION OF parted_rest FOR VALUES FROM ('restricted') TO (MAXVALUE) PARTITION BY HASH (l);
CREATE TEMP TABLE parted_high_0 PARTITION OF parted_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE parted_high_1 PARTITION OF parted_high FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT l, id FROM rows;
SELECT tableoid::regclass AS part, count(*) > 0 AS filled, bool_and(coalesce(l, 'public') <@ 'internal') AS open, bool_and(l >= 'restricted') AS high
FROM parted GROUP BY 1 ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT * FROM parted WHERE l = 'internal';
CREATE TEMP TABLE once (l label PRIMARY KEY);
INSERT INTO once SELECT DISTINCT l FROM rows WHERE l IS NOT NULL;
INSERT INTO once VALUES ('secret{pii}') ON CONFLICT (l) DO NOTHING RETURNING 'inserted';
INSERT INTO once VALUES ('SECRET { pii }');

-- Aggregates in parallel workers give what one process gives.
CREATE TABLE shared_rows AS TABLE rows;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT join_labels(l) FROM shared_rows WHERE l <@ 'restricted{pii,phi,hr,x0}';
SELECT join_labels(l) FROM shared_rows WHERE l <@ 'restricted{pii,phi,hr,x0}';
SET max_parallel_workers_per_gather = 0;
SELECT join_labels(l) FROM shared_rows WHERE l <@ 'restricted{pii,phi,hr,x0}';
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
DROP TABLE shared_rows;

-- COPY as text, CSV and binary gives every label back.
\getenv builddir PG_ABS_BUILDDIR
\cd :builddir
CREATE TEMP TABLE copied (LIKE rows);
\copy rows TO 'label.txt'
\copy copied FROM 'label.txt'
SELECT count(*), count(*) FILTER (WHERE c.l IS DISTINCT FROM r.l) AS differing FROM copied c JOIN rows r USING (id);
TRUNCATE copied;
\copy rows TO 'label.csv' (FORMAT csv)
\copy copied FROM 'label.csv' (FORMAT csv)
SELECT count(*), count(*) FILTER (WHERE c.l IS DISTINCT FROM r.l) AS differing FROM copied c JOIN rows r USING (id);
TRUNCATE copied;
\copy rows TO 'label.bin' (FORMAT binary)
\copy copied FROM 'label.bin' (FORMAT binary)
SELECT count(*), count(*) FILTER (WHERE c.l IS DISTINCT FROM r.l) AS differing FROM copied c JOIN rows r USING (id);
-- Binary fields that are not labels: level 17, 7 bytes, 9 bytes.
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\10\21\0\0\0\0\0\0\1\377\377' > bad17.bin
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\7\0\0\0\0\0\0\1\377\377' > bad7.bin
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\11\0\0\0\0\0\0\0\1\0\377\377' > bad9.bin
\copy copied (l) FROM 'bad17.bin' (FORMAT binary)
\copy copied (l) FROM 'bad7.bin' (FORMAT binary)
\copy copied (l) FROM 'bad9.bin' (FORMAT binary)
