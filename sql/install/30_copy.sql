-- The rows of a COPY FROM in progress, for the INSERT that carries it out. Of no use to call.
CREATE FUNCTION ward_internal.copy_rows(anyelement) RETURNS SETOF anyelement
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ward_copy_rows';
