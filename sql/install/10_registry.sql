-- The registry: what is trusted and what is protected. Changed through the functions of schema
-- ward; read by the library directly. Every change is announced to all sessions by a trigger.

CREATE TABLE ward_internal.issuer (
    issuer     text PRIMARY KEY,
    audience   text NOT NULL,
    jwks       jsonb NOT NULL,
    claims     jsonb NOT NULL,
    options    jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_by name NOT NULL DEFAULT SESSION_USER
);
COMMENT ON TABLE ward_internal.issuer IS 'trusted token issuers (RFC 7519 iss) with their public keys (RFC 7517)';

CREATE TABLE ward_internal.revocation (
    kind       text NOT NULL CHECK (kind IN ('token', 'subject', 'session')),
    value      text NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_by name NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (kind, value)
);
COMMENT ON TABLE ward_internal.revocation IS 'tokens, subjects and sessions that are refused before they expire';

CREATE TABLE ward_internal.category (
    name text PRIMARY KEY,
    bit  smallint NOT NULL UNIQUE CHECK (bit BETWEEN 0 AND 30)
);
COMMENT ON TABLE ward_internal.category IS 'names of custom label categories; labels themselves store only the bit';

CREATE TABLE ward_internal.protection (
    relation   regclass PRIMARY KEY,
    tenant     name,
    label      name,
    owner      name,
    acl        name,
    options    jsonb NOT NULL,
    -- row security as it was before, for ward.unprotect
    rls_before boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_by name NOT NULL DEFAULT SESSION_USER
);
COMMENT ON TABLE ward_internal.protection IS 'protected relations and the columns that protect their rows';

SELECT pg_catalog.pg_extension_config_dump('ward_internal.issuer', '');
SELECT pg_catalog.pg_extension_config_dump('ward_internal.revocation', '');
SELECT pg_catalog.pg_extension_config_dump('ward_internal.category', '');
SELECT pg_catalog.pg_extension_config_dump('ward_internal.protection', '');
