CREATE VIEW ward.issuers AS
    SELECT issuer, audience, claims, options,
           ARRAY(SELECT key ->> 'kid'
                 FROM pg_catalog.jsonb_array_elements(jwks -> 'keys') AS key) AS key_ids,
           changed_at, changed_by
    FROM ward_internal.issuer;
COMMENT ON VIEW ward.issuers IS 'trusted issuers; for ward_admin and ward_auditor';

CREATE VIEW ward.revocations AS
    SELECT kind, value, reason, changed_at, changed_by FROM ward_internal.revocation;
COMMENT ON VIEW ward.revocations IS 'what ward.revoke refused; for ward_admin and ward_auditor';

CREATE VIEW ward.protections AS
    SELECT relation, tenant, label, owner, acl, options, changed_at, changed_by
    FROM ward_internal.protection;
COMMENT ON VIEW ward.protections IS 'protected relations; for ward_admin and ward_auditor';
