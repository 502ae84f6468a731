-- Roles of the cluster and the private schema. The public schema is the extension's own, "ward".

DO $$
DECLARE
    wanted name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['ward_admin', 'ward_auditor']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END
$$;

COMMENT ON ROLE ward_admin IS 'may administer ward: trust, protections, policies';
COMMENT ON ROLE ward_auditor IS 'may read what ward records';

-- CREATE, not CREATE IF NOT EXISTS: a schema that somebody prepared must not become ours.
CREATE SCHEMA ward_internal;
COMMENT ON SCHEMA ward_internal IS 'private to the extension ward';
