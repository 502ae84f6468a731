-- What an administrator should look at, each finding with the SQL that cures it.

CREATE FUNCTION ward.doctor()
RETURNS TABLE (severity text, relation regclass, finding text, cure text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE covered(relation, root) AS (
        SELECT p.relation::oid, p.relation::oid FROM ward_internal.protection p
        UNION
        SELECT i.inhrelid, c.root FROM covered c JOIN pg_inherits i ON i.inhparent = c.relation
    ),
    tables AS (
        SELECT c.oid, c.relkind, c.relispartition FROM pg_class c
        WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.oid >= 16384
          AND c.relnamespace NOT IN ('ward'::regnamespace, 'ward_internal'::regnamespace)
          AND c.relpersistence <> 't'
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ),
    open_tables AS (
        SELECT t.* FROM tables t
        WHERE NOT EXISTS (SELECT FROM covered c WHERE c.relation = t.oid)
          -- a partition is looked at with its root
          AND NOT t.relispartition
    ),
    -- relations that the rules of a (materialised) view name, through other views as well
    reads(view, relation) AS (
        SELECT r.ev_class, d.refobjid
        FROM pg_rewrite r
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
         AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
        UNION
        SELECT reads.view, d.refobjid
        FROM reads
        JOIN pg_rewrite r ON r.ev_class = reads.relation
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
         AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
    ),
    keys AS (
        SELECT k.conrelid, k.confrelid, k.conname,
               ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u(n, i)
                     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY i) AS child_key,
               ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY u(n, i)
                     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY i) AS parent_key,
               CASE k.confdeltype WHEN 'c' THEN 'delete' WHEN 'a' THEN 'refuse' WHEN 'r' THEN 'refuse' END AS on_delete
        FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0
    ),
    -- the triggers that each relation of a derivation must have
    wanted AS (
        SELECT DISTINCT c.relation, f.function, d.child, d.parent, d.child_key, d.parent_key, d.recorded, d.on_delete
        FROM ward_internal.derivation d
        CROSS JOIN LATERAL (VALUES (d.child::oid, 'ward_internal.derive_row'), (d.parent::oid, 'ward_internal.derive_source')) f(root, function)
        JOIN covered c ON c.root = f.root
    )
    SELECT 'error', t.oid::regclass, 'has embeddings in column ' || quote_ident(a.attname) || ', and is not protected',
           format('SELECT ward.protect(%L);', t.oid::regclass)
           || ' -- or, if its rows are made from protected ones, ward.derive()'
    FROM open_tables t
    JOIN pg_attribute a ON a.attrelid = t.oid AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid AND y.typname IN ('vector', 'halfvec', 'sparsevec')
    UNION ALL
    SELECT 'error', t.oid::regclass, 'has a foreign key to protected ' || k.confrelid::regclass || ', and is neither protected nor derived',
           format('SELECT ward.derive(%L, %L, %L, %L, %L, ''{"add_columns": true}'');',
                  t.oid::regclass, k.confrelid::regclass, k.child_key, k.parent_key, coalesce(k.on_delete, 'delete'))
    FROM open_tables t
    JOIN keys k ON k.conrelid = t.oid
    JOIN covered c ON c.relation = k.confrelid AND c.root = k.confrelid
    UNION ALL
    SELECT 'warning', d.child::regclass, 'is protected, and has a foreign key to ' || k.confrelid::regclass || ' without being derived from it',
           format('SELECT ward.derive(%L, %L, %L, %L, %L);', d.child::regclass, k.confrelid::regclass, k.child_key, k.parent_key, coalesce(k.on_delete, 'delete'))
    FROM (SELECT relation::oid AS child, label FROM ward_internal.protection) d
    JOIN keys k ON k.conrelid = d.child AND k.confrelid <> k.conrelid
    JOIN ward_internal.protection p ON p.relation = k.confrelid AND p.label IS NOT NULL
    WHERE NOT EXISTS (SELECT FROM ward_internal.derivation v WHERE v.child = d.child AND v.parent = k.confrelid)
    UNION ALL
    SELECT 'error', t.oid::regclass, 'is a materialised view of protected ' || min(r.relation::regclass::text) || ', and is not protected',
           format('DROP MATERIALIZED VIEW %s;', t.oid::regclass) || ' -- it holds the rows of all tenants'
    FROM open_tables t
    JOIN reads r ON r.view = t.oid
    JOIN covered c ON c.relation = r.relation
    WHERE t.relkind = 'm'
    GROUP BY t.oid
    UNION ALL
    SELECT 'error', w.relation::regclass, 'lacks a trigger that keeps derived rows in step; statements that write it are refused',
           format('SELECT ward.derive(%L, %L, %L, %L, %L);', w.child, w.parent,
                  CASE WHEN w.recorded THEN '{}' ELSE w.child_key::text END,
                  CASE WHEN w.recorded THEN '{}' ELSE w.parent_key::text END, w.on_delete)
    FROM wanted w
    WHERE (SELECT count(*) FROM pg_trigger g
           WHERE g.tgrelid = w.relation AND g.tgfoid::regproc::text = w.function AND g.tgenabled = 'A')
          < CASE w.function WHEN 'ward_internal.derive_row' THEN 1 ELSE 3 END
    UNION ALL
    SELECT 'warning', d.child, 'has rows from before its derivation that have not been looked at',
           format('CALL ward.backfill(%L);', d.child)
    FROM ward_internal.derivation d WHERE d.pending
    UNION ALL
    SELECT 'warning', d.child, 'has no index that begins with the key of its source: each change of a source reads it whole',
           format('CREATE INDEX ON %s (%s);', d.child, (SELECT string_agg(quote_ident(name), ', ') FROM unnest(d.child_key) name))
    FROM ward_internal.derivation d
    WHERE NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = d.child AND i.indpred IS NULL AND a.attname::text = ANY (d.child_key))
    ORDER BY 1, 2, 3
$$;
COMMENT ON FUNCTION ward.doctor() IS
    'findings, each with the SQL that cures it: relations that should be protected or derived, and derivations out of step';
