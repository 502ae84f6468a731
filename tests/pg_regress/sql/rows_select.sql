-- Reading: each identity sees exactly its tenant's rows within its clearance.
\getenv suite PG_ABS_SRCDIR
\set tokens :suite '/common/tokens.psql'
\i :tokens
\set VERBOSITY terse
SET ROLE app;
\set counts 'SELECT tenant_id, count(*), join_labels(label) FROM docs GROUP BY 1 ORDER BY 1'

SET ward.token = :'alice';  :counts;
SET ward.token = :'anna';   :counts;
SET ward.token = :'bob';    :counts;
SET ward.token = :'carol';  :counts;
SET ward.token = :'dora';   :counts;

-- every way of naming rows
SET ward.token = :'anna';
SELECT count(*) FROM docs WHERE tenant_id = 2;
SELECT count(*) FROM docs WHERE tenant_id <> 1 OR true;
SELECT count(*) FROM (TABLE docs) d;
SELECT count(*) FROM docs a JOIN docs b USING (id);
SELECT count(*) FROM docs_open WHERE id IN (SELECT id FROM docs);
SELECT count(*) FROM docs_open o WHERE EXISTS (SELECT FROM docs d WHERE d.id = o.id);
SELECT (SELECT count(*) FROM docs);
WITH d AS MATERIALIZED (SELECT * FROM docs) SELECT count(*) FROM d;
WITH RECURSIVE r AS (SELECT min(id) AS id FROM docs UNION ALL SELECT r.id + 1 FROM r JOIN docs d ON d.id = r.id + 12) SELECT count(*) FROM r;
SELECT count(*) FROM docs UNION ALL SELECT count(*) FROM docs;
SELECT count(*) FROM docs TABLESAMPLE system (100);
SELECT count(*) FROM docs_open o LEFT JOIN docs d USING (id) WHERE d.id IS NOT NULL;
SELECT count(*) FROM docs_open o, LATERAL (SELECT * FROM docs d WHERE d.id = o.id) l;
SELECT count(*) FROM ONLY docs;
SELECT count(*) FROM docs WHERE ctid = ANY (ARRAY(SELECT ctid FROM docs));
SELECT count(*) FROM (SELECT id FROM docs FOR UPDATE) d;

-- owner and acl: alice's own notes, and those shared with a group of hers
SET ward.token = :'alice';
SELECT owner, shared_with, count(*) FROM notes GROUP BY 1, 2 ORDER BY 1, 2;
