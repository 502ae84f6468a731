-- Announce registry changes, whoever makes them (functions, restores, an administrator's SQL).

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.issuer
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.revocation
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.category
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.protection
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();

-- Also under session_replication_role = replica, which would otherwise make a change silent.
ALTER TABLE ward_internal.issuer ENABLE ALWAYS TRIGGER announce;
ALTER TABLE ward_internal.revocation ENABLE ALWAYS TRIGGER announce;
ALTER TABLE ward_internal.category ENABLE ALWAYS TRIGGER announce;
ALTER TABLE ward_internal.protection ENABLE ALWAYS TRIGGER announce;

-- A dropped relation leaves the registry with it.
CREATE FUNCTION ward_internal.forget_dropped() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    forgotten oid[];
BEGIN
    SELECT pg_catalog.array_agg(p.relation) INTO forgotten
    FROM ward_internal.protection p
    JOIN pg_catalog.pg_event_trigger_dropped_objects() dropped
      ON dropped.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND dropped.objsubid = 0
     -- Those are forgotten by the next ward.protect: their sessions may have no right to write here.
     AND NOT dropped.is_temporary
     AND p.relation = dropped.objid::pg_catalog.regclass;
    -- What was made from a source must not outlive it unnoticed.
    IF EXISTS (SELECT FROM ward_internal.derivation d
               JOIN pg_catalog.pg_class child ON child.oid = d.child
               WHERE d.parent = ANY (forgotten) AND d.child <> ALL (forgotten)) THEN
        RAISE EXCEPTION 'other relations are derived from a relation that is dropped'
            USING ERRCODE = 'restrict_violation', DETAIL = 'WD042 rows are derived from it',
                  HINT = 'Drop them as well, or end the derivation with ward.underive(): view ward.derivations.';
    END IF;
    -- Most drops concern nobody: a DELETE of nothing would be announced to every session, too.
    IF forgotten IS NOT NULL THEN
        DELETE FROM ward_internal.derivation WHERE child = ANY (forgotten) OR parent = ANY (forgotten);
        DELETE FROM ward_internal.backfill WHERE child = ANY (forgotten);
        DELETE FROM ward_internal.lineage WHERE output = ANY (forgotten) OR source = ANY (forgotten);
        DELETE FROM ward_internal.quarantine WHERE relation = ANY (forgotten);
        DELETE FROM ward_internal.mask WHERE relation = ANY (forgotten);
        DELETE FROM ward_internal.protection WHERE relation = ANY (forgotten);
    END IF;
END
$$;
CREATE EVENT TRIGGER ward_forget_dropped ON sql_drop EXECUTE FUNCTION ward_internal.forget_dropped();
