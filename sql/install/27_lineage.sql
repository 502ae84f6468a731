-- Which relations derive from which, which rows a recorded output came from, and what is in quarantine.

CREATE TABLE ward_internal.derivation (
    child      regclass NOT NULL,
    parent     regclass NOT NULL,
    child_key  text[] NOT NULL,
    parent_key text[] NOT NULL,
    -- true: sources are named row by row with ward.record_lineage(); false: the child's key columns name them
    recorded   boolean NOT NULL,
    on_delete  text NOT NULL CHECK (on_delete IN ('delete', 'refuse', 'quarantine')),
    -- rows from before the derivation that have not been looked at yet (ward.backfill)
    pending    boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_by name NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (child, parent, child_key)
);
COMMENT ON TABLE ward_internal.derivation IS 'relations whose rows are made from rows of others';

CREATE TABLE ward_internal.backfill (
    child     regclass NOT NULL,
    part      regclass NOT NULL,
    next_page bigint NOT NULL,
    pages     bigint NOT NULL,
    PRIMARY KEY (child, part)
);
COMMENT ON TABLE ward_internal.backfill IS 'how far ward.backfill has got, by table and partition';

CREATE TABLE ward_internal.lineage (
    output      regclass NOT NULL,
    output_key  jsonb NOT NULL,
    source      regclass NOT NULL,
    source_key  jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    recorded_by text,
    PRIMARY KEY (output, output_key, source, source_key)
);
CREATE INDEX ON ward_internal.lineage (source, source_key);
COMMENT ON TABLE ward_internal.lineage IS 'which rows each recorded output was made from';

CREATE TABLE ward_internal.quarantine (
    relation   regclass NOT NULL,
    key        jsonb NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_by name NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (relation, key)
);
COMMENT ON TABLE ward_internal.quarantine IS 'rows that were put in quarantine themselves, not through a source';

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ward_internal.derivation
    FOR EACH STATEMENT EXECUTE FUNCTION ward_internal.registry_changed();
ALTER TABLE ward_internal.derivation ENABLE ALWAYS TRIGGER announce;

SELECT pg_catalog.pg_extension_config_dump('ward_internal.derivation', '');
SELECT pg_catalog.pg_extension_config_dump('ward_internal.backfill', '');
SELECT pg_catalog.pg_extension_config_dump('ward_internal.lineage', '');
SELECT pg_catalog.pg_extension_config_dump('ward_internal.quarantine', '');

CREATE VIEW ward.derivations AS
    SELECT d.child, d.parent, d.child_key, d.parent_key, d.recorded, d.on_delete, d.pending,
           CASE WHEN d.pending
                THEN pg_catalog.round(100 * pg_catalog.sum(b.next_page) / GREATEST(pg_catalog.sum(b.pages), 1))
           END AS percent_done,
           d.changed_at, d.changed_by
    FROM ward_internal.derivation d
    LEFT JOIN ward_internal.backfill b ON b.child = d.child
    GROUP BY d.child, d.parent, d.child_key;
COMMENT ON VIEW ward.derivations IS 'relations whose rows are made from rows of others; for ward_admin and ward_auditor';

CREATE VIEW ward.lineage AS
    SELECT output, output_key, source, source_key, recorded_at, recorded_by FROM ward_internal.lineage;
COMMENT ON VIEW ward.lineage IS 'what ward.record_lineage() recorded; for ward_admin and ward_auditor';

CREATE VIEW ward.quarantined AS
    SELECT relation, key, reason, changed_at, changed_by FROM ward_internal.quarantine;
COMMENT ON VIEW ward.quarantined IS 'rows that ward.quarantine() hid; for ward_admin and ward_auditor';

-- Rows from before a derivation, a few pages per transaction.
CREATE PROCEDURE ward.backfill(child regclass, pages integer DEFAULT 1000)
LANGUAGE plpgsql
AS $$
DECLARE
    more boolean := true;
BEGIN
    WHILE more LOOP
        more := ward.backfill_step(child, pages);
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE ward.backfill(regclass, integer) IS
    'gives rows from before ward.derive() what their sources have, committing after each batch of pages';
