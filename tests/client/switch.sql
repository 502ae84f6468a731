-- The objects of the switch test, made once per arm in a schema of its own: `ward`ed tables in one, native row security
-- with an IMMUTABLE helper in the other. Everything resolves by search_path, so that both arms run the same texts.

CREATE VIEW docs_view AS SELECT * FROM docs;
CREATE VIEW docs_barrier WITH (security_barrier) AS SELECT * FROM docs WHERE id > 0;
CREATE VIEW events_view AS SELECT e.* FROM events e WHERE e.body LIKE 'event%';

CREATE FUNCTION docs_inlined() RETURNS SETOF docs LANGUAGE sql STABLE AS 'SELECT * FROM docs';
CREATE FUNCTION docs_called() RETURNS SETOF docs LANGUAGE sql VOLATILE AS 'SELECT * FROM docs';
CREATE FUNCTION docs_atomic() RETURNS SETOF docs LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM docs; END;
CREATE FUNCTION docs_atomic_volatile() RETURNS SETOF docs LANGUAGE sql BEGIN ATOMIC SELECT * FROM docs; END;
CREATE FUNCTION events_definer() RETURNS SETOF events LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM events';
CREATE FUNCTION events_scalar() RETURNS text LANGUAGE sql AS
    $$SELECT string_agg(DISTINCT tenant_id::text, ',') || ':' || count(*) FROM events$$;
CREATE FUNCTION docs_query() RETURNS SETOF docs LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM docs; END';
CREATE FUNCTION events_loop() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    row events;
    seen int[] = '{}';
    n int = 0;
BEGIN
    FOR row IN SELECT * FROM events LOOP
        n := n + 1;
        IF row.tenant_id <> ALL (seen) THEN seen := seen || row.tenant_id; END IF;
    END LOOP;
    RETURN array_to_string(ARRAY(SELECT unnest(seen)::text ORDER BY 1), ',') || ':' || n;
END
$$;

-- What is asked, over which table; `{}` is the summary of the rows seen: their tenants, and how many.
CREATE TABLE shape (number int PRIMARY KEY, base text, query text);
INSERT INTO shape
SELECT row_number() OVER (), base, replace(query, '{}', $$string_agg(DISTINCT tenant_id::text, ',') || ':' || count(*)$$)
FROM (VALUES
    ('docs', 'SELECT {} FROM docs'),
    ('docs', 'SELECT {} FROM docs WHERE tenant_id > 0 OR true'),
    ('docs', 'SELECT {} FROM docs_view'),
    ('docs', 'SELECT {} FROM docs_barrier'),
    ('docs', 'SELECT {} FROM docs_inlined()'),
    ('docs', 'SELECT {} FROM docs_called()'),
    ('docs', 'SELECT {} FROM docs_atomic()'),
    ('docs', 'SELECT {} FROM docs_atomic_volatile()'),
    ('docs', 'SELECT {} FROM docs_query()'),
    ('docs', 'WITH d AS (SELECT * FROM docs) SELECT {} FROM d'),
    ('docs', 'WITH d AS MATERIALIZED (SELECT * FROM docs) SELECT {} FROM d'),
    ('docs', 'SELECT {} FROM (SELECT a.* FROM docs a JOIN docs_view b USING (id)) d'),
    ('docs', 'SELECT {} FROM docs d WHERE EXISTS (SELECT FROM docs_inlined() i WHERE i.id = d.id)'),
    ('docs', 'SELECT {} FROM docs d, LATERAL (SELECT 1 FROM docs l WHERE l.id = d.id) x'),
    ('docs', 'SELECT (SELECT {} FROM docs)'),
    ('events', 'SELECT {} FROM events'),
    ('events', 'SELECT {} FROM events_view'),
    ('events', 'SELECT {} FROM events_definer()'),
    ('events', 'SELECT events_scalar()'),
    ('events', 'SELECT events_loop()'),
    ('events', 'SELECT {} FROM (SELECT * FROM events_1 UNION ALL SELECT * FROM events_2 UNION ALL TABLE events_rest) e'),
    ('events', 'SELECT {} FROM (SELECT tenant_id FROM events ORDER BY body LIMIT 1000) e')
) AS s (base, query);

-- Each shape as static PL/pgSQL, whose plans the session keeps.
DO $$
DECLARE
    s shape;
BEGIN
    FOR s IN TABLE shape LOOP
        EXECUTE format('CREATE FUNCTION static_%s() RETURNS text LANGUAGE plpgsql AS %L',
                       s.number, format('BEGIN RETURN (%s); END', s.query));
    END LOOP;
END
$$;

-- Identity number `who`; the truth, summed up with a hand-written WHERE, is in `expected`.
CREATE TABLE identity (who int PRIMARY KEY, token text, tenant int, clearance ward.label);
CREATE TABLE expected (who int, shape int, summary text);

-- `steps` random switches within the server; returns how many answers were wrong, and the first of them.
CREATE PROCEDURE drive(steps int, INOUT wrong int, INOUT example text) LANGUAGE plpgsql AS $$
DECLARE
    identities int = (SELECT count(*) FROM identity);
    shapes int = (SELECT count(*) FROM shape);
    queries text[] = ARRAY(SELECT query FROM shape ORDER BY number);
    truth text[] = ARRAY(SELECT summary FROM expected ORDER BY who, shape);
    who int;
    asked int;
    way int;
    got text;
    c refcursor;
BEGIN
    FOR step IN 1..steps LOOP
        who := 1 + floor(random() * identities);
        asked := 1 + floor(random() * shapes);
        way := floor(random() * 4);
        PERFORM switch_to(who, random() < 0.5);
        CASE way
            WHEN 0 THEN EXECUTE queries[asked] INTO got;
            WHEN 1 THEN EXECUTE 'SELECT static_' || asked || '()' INTO got;
            WHEN 2 THEN EXECUTE 'EXECUTE prepared_' || asked INTO got;
            WHEN 3 THEN
                OPEN c FOR EXECUTE queries[asked];
                FETCH c INTO got;
                CLOSE c;
        END CASE;
        IF got IS DISTINCT FROM truth[(who - 1) * shapes + asked] THEN
            wrong := wrong + 1;
            example := coalesce(example, format('step %s, way %s, %s: got %s, expected %s', step, way, queries[asked],
                                                got, truth[(who - 1) * shapes + asked]));
        END IF;
        IF random() < 0.02 THEN COMMIT; ELSIF random() < 0.02 THEN ROLLBACK; END IF;
    END LOOP;
    COMMIT;
END
$$;
