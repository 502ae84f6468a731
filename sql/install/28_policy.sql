-- Changes of what is trusted, protected, masked, derived and quarantined are events of the audit, whoever
-- makes them. Each counts the policy's version up.

-- The version is the sum: a change adds to it without waiting for another change that has not committed.
CREATE TABLE ward_internal.policy_version (
    changes bigint NOT NULL
);
COMMENT ON TABLE ward_internal.policy_version IS 'how often the policy was changed';

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.issuer
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.issuer
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.revocation
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.revocation
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.category
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.category
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.protection
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.protection
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.mask
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.mask
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.mask_key
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.mask_key
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.derivation
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.derivation
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON ward_internal.quarantine
    FOR EACH ROW EXECUTE FUNCTION ward_internal.audit_policy();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON ward_internal.quarantine
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.audit_policy();

-- Also under session_replication_role = replica.
ALTER TABLE ward_internal.issuer ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.issuer ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.revocation ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.revocation ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.category ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.category ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.protection ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.protection ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.mask ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.mask ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.mask_key ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.mask_key ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.derivation ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.derivation ENABLE ALWAYS TRIGGER audit_truncate;
ALTER TABLE ward_internal.quarantine ENABLE ALWAYS TRIGGER audit;
ALTER TABLE ward_internal.quarantine ENABLE ALWAYS TRIGGER audit_truncate;
