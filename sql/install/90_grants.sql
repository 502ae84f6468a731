-- Everything is closed first; what applications and administrators need is opened one by one.

REVOKE ALL ON ALL TABLES IN SCHEMA ward, ward_internal FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA ward, ward_internal FROM PUBLIC;
REVOKE ALL ON SCHEMA ward, ward_internal FROM PUBLIC;
GRANT USAGE ON SCHEMA ward TO PUBLIC;

-- Identity, labels and the functions in ward's policies and plans: everybody.
GRANT EXECUTE ON FUNCTION
    ward.login(text, text), ward.logout(), ward.session(),
    ward.tenant(), ward.tenants(), ward.subject(), ward.clearance(), ward.claim(text),
    ward.may_read(regclass, "any"), ward.may_write(regclass, "any"), ward.permit(regclass),
    ward_internal.deny(oid, text), ward_internal.keep_label(ward.label, ward.label),
    ward_internal.copy_rows(anyelement),
    ward.record_lineage(regclass, jsonb, jsonb), ward.filter_citations(jsonb), ward.lineage(regclass, jsonb, text),
    ward_internal.join_two(ward.label, ward.label), ward_internal.raise_label(ward.label, ward.label),
    ward_internal.refuse_labelled(oid, ward.label), ward_internal.tenant_set(text, text),
    ward_internal.join_tenants(text[], text[]), ward_internal.all_tenants(text[]),
    ward_internal.only_tenant(oid, text, text[]),
    ward.watermark(), ward_internal.note(ward.label), ward_internal.raise_to_mark(ward.label),
    ward_internal.covers_mark(ward.label), ward_internal.audit_found(text[], ward.label, "any")
    TO PUBLIC;

-- The type ward.label with its operators, what masks are computed by, what reads and writes values in
-- documents: everybody.
DO $$
DECLARE
    label_function regprocedure;
BEGIN
    FOR label_function IN
        SELECT oid FROM pg_catalog.pg_proc
        WHERE (pronamespace = 'ward_internal'::regnamespace AND (proname LIKE 'label\_%' OR proname LIKE 'mask\_%' OR proname LIKE 'carried\_%'))
           OR (pronamespace = 'ward'::regnamespace AND proname IN ('level', 'categories', 'label', 'join_labels'))
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', label_function);
    END LOOP;
END
$$;

-- Administration.
GRANT EXECUTE ON FUNCTION
    ward.trust_issuer(text, text, jsonb, jsonb, jsonb), ward.rotate_keys(text, jsonb),
    ward.distrust_issuer(text), ward.revoke(text, text, text), ward.define_category(text),
    ward.protect(regclass, name, name, name, name, jsonb), ward.unprotect(regclass, text),
    ward.mask(regclass, name, text, ward.label, text, jsonb), ward.unmask(regclass, name, text),
    ward.derive(regclass, regclass, name[], name[], text, jsonb), ward.underive(regclass, regclass, text),
    ward.declassify(regclass, jsonb, ward.label, text),
    ward.quarantine(regclass, jsonb, text), ward.release(regclass, jsonb, text)
    TO ward_admin;
GRANT EXECUTE ON PROCEDURE ward.backfill(regclass, integer) TO ward_admin;
GRANT EXECUTE ON FUNCTION ward.backfill_step(regclass, integer) TO ward_admin;
GRANT EXECUTE ON FUNCTION ward.doctor() TO ward_admin, ward_auditor;
GRANT SELECT ON ward.derivations, ward.lineage, ward.quarantined TO ward_admin, ward_auditor;
GRANT SELECT ON ward.issuers, ward.revocations, ward.protections, ward.masks TO ward_admin, ward_auditor;
GRANT SELECT ON ward.audit, ward.audit_ocsf TO ward_admin, ward_auditor;
GRANT EXECUTE ON FUNCTION
    ward.audit_sync(interval), ward.verify_audit(), ward.audit_proof(bigint, integer), ward.audit_checkpoint(), ward.audit_key()
    TO ward_admin, ward_auditor;
