-- What the planner knows about labels: selectivity, leakproofness, commuted and negated forms.
CREATE FUNCTION pg_temp.estimate(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
CREATE TEMP TABLE planned AS
SELECT n AS id, (ARRAY['public', 'internal', 'confidential', 'confidential{pii}', 'secret{phi}'])[CASE WHEN n % 100 < 60 THEN 1 ELSE n % 5 + 1 END]::label AS l
FROM generate_series(1, 10000) n;

-- Without statistics a third; with them the operator is tried on the common values.
SELECT pg_temp.estimate('SELECT FROM planned WHERE l <@ ''confidential''') * 3 / pg_temp.estimate('SELECT FROM planned') AS thirds;
ANALYZE planned;
SELECT clearance, visible, pg_temp.estimate(format('SELECT FROM planned WHERE l <@ %L', clearance)) AS "<@",
       pg_temp.estimate(format('SELECT FROM planned WHERE %L @> l', clearance)) AS "commuted"
FROM (SELECT c AS clearance, (SELECT count(*) FROM planned WHERE l <@ c) AS visible
      FROM unnest(ARRAY['public', 'internal', 'confidential', 'confidential{pii}', 'secret{pii,phi}']::label[]) c) t;
SELECT pg_temp.estimate('SELECT FROM planned WHERE l = ''internal''') AS "=", pg_temp.estimate('SELECT FROM planned WHERE l <> ''internal''') AS "<>",
       pg_temp.estimate('SELECT FROM planned WHERE l < ''internal''') AS "<", pg_temp.estimate('SELECT FROM planned WHERE l >= ''internal''') AS ">=";

-- Too many distinct labels for a list of common ones: the histogram is asked.
CREATE TEMP TABLE many AS
SELECT label((ARRAY['public', 'internal', 'confidential', 'restricted', 'secret'])[n % 5 + 1],
             ARRAY(SELECT 'x' || i FROM generate_series(0, 9) i WHERE n >> i & 1 = 1)) AS l
FROM generate_series(0, 19999) n;
SET default_statistics_target = 100;
ANALYZE many;
SELECT visible, pg_temp.estimate('SELECT FROM many WHERE l <@ ''restricted{x0,x1,x2,x3,x4,x5,x6,x7}''')::numeric / visible BETWEEN 0.5 AND 2 AS close
FROM (SELECT count(*) AS visible FROM many WHERE l <@ 'restricted{x0,x1,x2,x3,x4,x5,x6,x7}') t;
RESET default_statistics_target;

-- Leakproof: a condition on labels goes below a security barrier and uses an index there; one that
-- might tell of rows by an error (control arm) stays above.
CREATE INDEX ON planned (l);
CREATE TEMP VIEW barrier WITH (security_barrier) AS SELECT * FROM planned WHERE id % 2 = 0;
EXPLAIN (COSTS OFF) SELECT * FROM barrier WHERE l = 'secret{phi}' AND l @> 'internal{phi}';
EXPLAIN (COSTS OFF) SELECT * FROM barrier WHERE level(l) = 'secret';

-- NOT is planned as the negator.
EXPLAIN (COSTS OFF) SELECT * FROM planned WHERE NOT l <= 'confidential{pii}';
EXPLAIN (COSTS OFF) SELECT * FROM planned WHERE NOT l = 'public' AND NOT l <@ 'internal';

-- Constants are computed once, when planning.
EXPLAIN (COSTS OFF) SELECT * FROM planned WHERE l = 'secret'::label * 'confidential{pii}' + 'public{x3}';
