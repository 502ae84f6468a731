-- What was recorded is changed by nobody: not in maintenance, not by superusers. The projector writes rows without
-- triggers; src/guard/immutable.rs keeps these in place. Row triggers reach partitions, statement triggers statements
-- that find no rows.

CREATE TRIGGER ward_audit_keep BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_event
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_keep();
CREATE TRIGGER ward_audit_keep_all BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_keep();
ALTER TABLE ward_internal.audit_event ENABLE ALWAYS TRIGGER ward_audit_keep, ENABLE ALWAYS TRIGGER ward_audit_keep_all;

CREATE TRIGGER ward_audit_keep BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_block
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_keep();
CREATE TRIGGER ward_audit_keep_all BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_block
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_keep();
ALTER TABLE ward_internal.audit_block ENABLE ALWAYS TRIGGER ward_audit_keep, ENABLE ALWAYS TRIGGER ward_audit_keep_all;

CREATE TRIGGER ward_audit_keep BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_rollback
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_keep();
CREATE TRIGGER ward_audit_keep_all BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_rollback
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_keep();
ALTER TABLE ward_internal.audit_rollback ENABLE ALWAYS TRIGGER ward_audit_keep, ENABLE ALWAYS TRIGGER ward_audit_keep_all;

CREATE TRIGGER ward_audit_keep BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_cursor
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_keep();
CREATE TRIGGER ward_audit_keep_all BEFORE INSERT OR UPDATE OR DELETE ON ward_internal.audit_cursor
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_keep();
ALTER TABLE ward_internal.audit_cursor ENABLE ALWAYS TRIGGER ward_audit_keep, ENABLE ALWAYS TRIGGER ward_audit_keep_all;
