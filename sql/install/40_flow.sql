-- What flow without declaration aggregates by; labels have ward.join_labels.

-- The tenants that the rows of a group came from.
CREATE AGGREGATE ward_internal.all_tenants (tenants text[]) (
    SFUNC = ward_internal.join_tenants,
    STYPE = text[],
    COMBINEFUNC = ward_internal.join_tenants,
    PARALLEL = SAFE
);
