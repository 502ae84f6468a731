-- The type ward.label: a level and a set of categories in eight bytes, ordered as a lattice.
--
-- Functions that only PostgreSQL calls are in ward_internal; operators need no rights on its schema.

CREATE TYPE ward.label;

-- STABLE, not IMMUTABLE: a text may name a category that is defined later. A literal is read once,
-- when the statement or definition that holds it is parsed; views, defaults, constraints and
-- policies therefore store the eight bytes and print them canonically, whatever is defined later.
-- Only the cast of a text *expression* calls this at run time, and such a cast is then refused in
-- an index, a generated column or a partition key, where a result may never change.
CREATE FUNCTION ward_internal.label_in(cstring) RETURNS ward.label
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'label_in_wrapper';

-- The other three look nothing up.
CREATE FUNCTION ward_internal.label_out(ward.label) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'label_out_wrapper';
CREATE FUNCTION ward_internal.label_receive(internal) RETURNS ward.label
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'label_receive_wrapper';
CREATE FUNCTION ward_internal.label_send(ward.label) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'label_send_wrapper';

CREATE TYPE ward.label (
    INPUT = ward_internal.label_in,
    OUTPUT = ward_internal.label_out,
    RECEIVE = ward_internal.label_receive,
    SEND = ward_internal.label_send,
    INTERNALLENGTH = 8,
    PASSEDBYVALUE,
    ALIGNMENT = double,
    STORAGE = plain,
    CATEGORY = 'U'
);
COMMENT ON TYPE ward.label IS 'sensitivity label: a level and categories, ordered by dominance';

-- Explicit only: a label that silently became text would lose its order.
CREATE CAST (ward.label AS text) WITH INOUT;
-- On assignment too: drivers and frameworks declare the type of a bound string.
CREATE CAST (text AS ward.label) WITH INOUT AS ASSIGNMENT;
CREATE CAST (varchar AS ward.label) WITH INOUT AS ASSIGNMENT;

-- Dominance -----------------------------------------------------------------------------------

CREATE FUNCTION ward_internal.label_dominated(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_dominated';
CREATE FUNCTION ward_internal.label_dominates(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_dominates';
CREATE FUNCTION ward_internal.label_selectivity(internal, oid, internal, integer) RETURNS double precision
    LANGUAGE c STABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_selectivity';

-- Joins on dominance are rare; core's fixed third for inequalities is as good a guess as any.
CREATE OPERATOR ward.<@ (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_dominated,
    COMMUTATOR = OPERATOR(ward.@>),
    RESTRICT = ward_internal.label_selectivity, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR ward.<@ (ward.label, ward.label) IS 'is dominated by';
CREATE OPERATOR ward.@> (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_dominates,
    COMMUTATOR = OPERATOR(ward.<@),
    RESTRICT = ward_internal.label_selectivity, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR ward.@> (ward.label, ward.label) IS 'dominates';

-- The lattice ---------------------------------------------------------------------------------

CREATE FUNCTION ward_internal.label_join(ward.label, ward.label) RETURNS ward.label
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_join';
CREATE FUNCTION ward_internal.label_meet(ward.label, ward.label) RETURNS ward.label
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_meet';

CREATE OPERATOR ward.+ (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_join,
    COMMUTATOR = OPERATOR(ward.+)
);
COMMENT ON OPERATOR ward.+ (ward.label, ward.label) IS 'join: least upper bound';
CREATE OPERATOR ward.* (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_meet,
    COMMUTATOR = OPERATOR(ward.*)
);
COMMENT ON OPERATOR ward.* (ward.label, ward.label) IS 'meet: greatest lower bound';

-- Without INITCOND a strict transition starts from the first label: NULLs are skipped, no rows are
-- NULL rather than "public".
CREATE AGGREGATE ward.join_labels (label ward.label) (
    SFUNC = ward_internal.label_join,
    STYPE = ward.label,
    COMBINEFUNC = ward_internal.label_join,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE ward.join_labels (ward.label) IS 'least upper bound of all labels; NULL without any';

-- Sorting, indexing, hashing ------------------------------------------------------------------

CREATE FUNCTION ward_internal.label_eq(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_eq';
CREATE FUNCTION ward_internal.label_ne(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_ne';
CREATE FUNCTION ward_internal.label_lt(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_lt';
CREATE FUNCTION ward_internal.label_le(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_le';
CREATE FUNCTION ward_internal.label_gt(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_gt';
CREATE FUNCTION ward_internal.label_ge(ward.label, ward.label) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_ge';
CREATE FUNCTION ward_internal.label_cmp(ward.label, ward.label) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_cmp';
CREATE FUNCTION ward_internal.label_sortsupport(internal) RETURNS void
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_sortsupport';
CREATE FUNCTION ward_internal.label_hash(ward.label) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_hash';
CREATE FUNCTION ward_internal.label_hash_seeded(ward.label, bigint) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ward_label_hash_seeded';

CREATE OPERATOR ward.= (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_eq,
    COMMUTATOR = OPERATOR(ward.=), NEGATOR = OPERATOR(ward.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR ward.<> (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_ne,
    COMMUTATOR = OPERATOR(ward.<>), NEGATOR = OPERATOR(ward.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR ward.< (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_lt,
    COMMUTATOR = OPERATOR(ward.>), NEGATOR = OPERATOR(ward.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR ward.<= (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_le,
    COMMUTATOR = OPERATOR(ward.>=), NEGATOR = OPERATOR(ward.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR ward.> (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_gt,
    COMMUTATOR = OPERATOR(ward.<), NEGATOR = OPERATOR(ward.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR ward.>= (
    LEFTARG = ward.label, RIGHTARG = ward.label, FUNCTION = ward_internal.label_ge,
    COMMUTATOR = OPERATOR(ward.<=), NEGATOR = OPERATOR(ward.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR ward.< (ward.label, ward.label) IS 'sorts before; not dominance';
COMMENT ON OPERATOR ward.<= (ward.label, ward.label) IS 'sorts before or is equal; not dominance';
COMMENT ON OPERATOR ward.> (ward.label, ward.label) IS 'sorts after; not dominance';
COMMENT ON OPERATOR ward.>= (ward.label, ward.label) IS 'sorts after or is equal; not dominance';

-- Equal labels are the same eight bytes, so btree may store duplicates once (support function 4).
CREATE OPERATOR CLASS ward.label_ops DEFAULT FOR TYPE ward.label USING btree AS
    OPERATOR 1 ward.<, OPERATOR 2 ward.<=, OPERATOR 3 ward.=, OPERATOR 4 ward.>=, OPERATOR 5 ward.>,
    FUNCTION 1 ward_internal.label_cmp(ward.label, ward.label),
    FUNCTION 2 ward_internal.label_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);
CREATE OPERATOR CLASS ward.label_ops DEFAULT FOR TYPE ward.label USING hash AS
    OPERATOR 1 ward.=,
    FUNCTION 1 ward_internal.label_hash(ward.label),
    FUNCTION 2 ward_internal.label_hash_seeded(ward.label, bigint);

-- Parts ---------------------------------------------------------------------------------------

CREATE FUNCTION ward.level(label ward.label) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'level_wrapper';
COMMENT ON FUNCTION ward.level(ward.label) IS 'the level: public, internal, confidential, restricted or secret';

CREATE FUNCTION ward.categories(label ward.label) RETURNS text[]
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'categories_wrapper';
COMMENT ON FUNCTION ward.categories(ward.label) IS 'the categories under their canonical names, in bit order';

-- STABLE for the reason that label_in is.
CREATE FUNCTION ward.label(level text, categories text[] DEFAULT '{}') RETURNS ward.label
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'label_wrapper';
COMMENT ON FUNCTION ward.label(text, text[]) IS 'the label of this level with these categories';

-- Custom categories ---------------------------------------------------------------------------

CREATE FUNCTION ward.define_category(name text) RETURNS integer
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'define_category_wrapper';
COMMENT ON FUNCTION ward.define_category(text) IS 'gives the next free custom category a name; its number, 0 to 30';
