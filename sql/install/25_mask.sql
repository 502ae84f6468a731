-- Masked columns, and the key of keyed masks. Read by the library directly, announced like the registry.

CREATE TABLE ward_internal.mask (
    relation     regclass NOT NULL,
    column_name  name NOT NULL,
    method       text NOT NULL,
    -- the clearance that sees the value as it is; NULL: no session with a token
    label        ward.label,
    mode         text NOT NULL,
    -- a column that names whose row it is: that subject sees the value as it is
    unless_owner name,
    changed_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_by   name NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE ward_internal.mask IS 'masked columns of protected relations';

-- One random key per database, made here and never shown, sampled or dumped: a dump that is restored elsewhere gets
-- other pseudonyms there.
CREATE TABLE ward_internal.mask_key (
    id     smallint PRIMARY KEY CHECK (id = 1),
    secret bytea NOT NULL CHECK (pg_catalog.octet_length(secret) = 32)
);
COMMENT ON TABLE ward_internal.mask_key IS 'the key of the masks hash and tokenise';
ALTER TABLE ward_internal.mask_key ALTER COLUMN secret SET STATISTICS 0;
INSERT INTO ward_internal.mask_key
SELECT 1, pg_catalog.sha256(pg_catalog.string_agg(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), ''))
FROM pg_catalog.generate_series(1, 4);

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.mask
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.mask_key
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();
ALTER TABLE ward_internal.mask ENABLE ALWAYS TRIGGER announce;
ALTER TABLE ward_internal.mask_key ENABLE ALWAYS TRIGGER announce;

SELECT pg_catalog.pg_extension_config_dump('ward_internal.mask', '');

CREATE VIEW ward.masks AS
    SELECT relation, column_name, method, label, mode, unless_owner, changed_at, changed_by
    FROM ward_internal.mask;
COMMENT ON VIEW ward.masks IS 'masked columns; for ward_admin and ward_auditor';

-- What masks are computed by. Strict, total, never volatile; the keyed ones read the key, so they are STABLE.
-- Nobody can name them, for want of USAGE on the schema; expressions of the library call them.

CREATE FUNCTION ward_internal.mask_partial(value text, prefix int, pad text, suffix int, max_chars int) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_partial';
CREATE FUNCTION ward_internal.mask_email(value text, max_chars int) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_email_wrapper';
CREATE FUNCTION ward_internal.mask_hash(value text, tenant text, max_chars int) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'mask_hash_wrapper';
CREATE FUNCTION ward_internal.mask_hash_bytes(value bytea, tenant text) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'mask_hash_bytes_wrapper';
CREATE FUNCTION ward_internal.mask_hash_uuid(value uuid, tenant text) RETURNS uuid
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'mask_hash_uuid_wrapper';
CREATE FUNCTION ward_internal.mask_hash_int(value bigint, tenant text, bits int) RETURNS bigint
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'mask_hash_int_wrapper';
CREATE FUNCTION ward_internal.mask_tokenise(value text, tenant text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'mask_tokenise_wrapper';
CREATE FUNCTION ward_internal.mask_date(value date, part int) RETURNS date
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_date';
CREATE FUNCTION ward_internal.mask_timestamp(value timestamp, part int) RETURNS timestamp
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_timestamp';
CREATE FUNCTION ward_internal.mask_timestamptz(value timestamptz, part int) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_timestamp';
CREATE FUNCTION ward_internal.mask_round_int2(value smallint, places int) RETURNS smallint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_round_int2';
CREATE FUNCTION ward_internal.mask_round_int4(value integer, places int) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_round_int4';
CREATE FUNCTION ward_internal.mask_round_int8(value bigint, places int) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_round_int8';
CREATE FUNCTION ward_internal.mask_round_float(value double precision, places int) RETURNS double precision
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_round_float';
CREATE FUNCTION ward_internal.mask_bucket_int2(value smallint, width bigint) RETURNS smallint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_bucket_int2';
CREATE FUNCTION ward_internal.mask_bucket_int4(value integer, width bigint) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_bucket_int4';
CREATE FUNCTION ward_internal.mask_bucket_int8(value bigint, width bigint) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_bucket_int8';
CREATE FUNCTION ward_internal.mask_bucket_float(value double precision, width double precision) RETURNS double precision
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ward_mask_bucket_float';
CREATE FUNCTION ward_internal.mask_ip(value inet, v4 int, v6 int) RETURNS inet
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_ip_wrapper';
CREATE FUNCTION ward_internal.mask_json(document text, method text, tenant text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'mask_json_wrapper';
CREATE FUNCTION ward_internal.mask_score(distance double precision, square double precision, decimals int) RETURNS double precision
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_score_wrapper';
CREATE FUNCTION ward_internal.mask_refuse_null(relation oid, column_name text, value anyelement) RETURNS anyelement
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_refuse_null_wrapper';
