-- What the demo checks its answers against: a copy that ward knows nothing of, out of the
-- application's reach, and the same rules written by hand as a plain WHERE.
CREATE SCHEMA truth;
CREATE TABLE truth.chunks AS SELECT * FROM chunks;
CREATE TABLE truth.answers (person text, question integer, chunk integer);

-- Ids of the chunks of a tenant up to a level.
CREATE FUNCTION truth.visible(tenant text, level text) RETURNS SETOF integer STABLE LANGUAGE sql AS $$
    SELECT id FROM truth.chunks
     WHERE tenant_id = tenant
       AND array_position('{public,internal,confidential,restricted}', split_part(label::text, '{', 1))
        <= array_position('{public,internal,confidential,restricted}', level)
$$;

-- The ten nearest of them to a question, without any index.
CREATE FUNCTION truth.nearest(tenant text, level text, number integer) RETURNS SETOF integer STABLE LANGUAGE sql AS $$
    SELECT c.id FROM truth.chunks c
     WHERE c.id IN (SELECT truth.visible(tenant, level))
     ORDER BY c.embedding <=> (SELECT embedding FROM questions WHERE id = number)
     LIMIT 10
$$;
