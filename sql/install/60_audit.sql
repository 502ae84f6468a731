-- What has been sealed, as tables for reading. Filled by the projector (src/audit/project.rs) and changed by nobody
-- else; the sealed log is the record, and everything here can be made from it again.

-- One row per event. Partitions of one UTC day each are made by the projector.
CREATE TABLE ward_internal.audit_event (
    at             timestamptz NOT NULL,
    origin         integer NOT NULL,
    log            integer NOT NULL,
    index          bigint NOT NULL,
    kind           text NOT NULL,
    outcome        text NOT NULL,
    lsn            pg_lsn NOT NULL,
    boot           bigint NOT NULL,
    session        bigint NOT NULL,
    seq            bigint NOT NULL,
    session_block  uuid,
    identity       uuid,
    text           uuid,
    relations      uuid,
    role           text,
    statement      text,
    stage          text,
    code           text,
    sqlstate       text,
    message        text,
    rows           bigint,
    labels         ward.label,
    k              bigint,
    keys           jsonb,
    change         jsonb,
    policy_version bigint,
    xid            bigint,
    first_seq      bigint,
    detail         jsonb,
    database       text,
    user_origin    boolean NOT NULL,
    PRIMARY KEY (at, origin, log, index)
) PARTITION BY RANGE (at);
COMMENT ON TABLE ward_internal.audit_event IS 'sealed events; columns in the order that src/audit/rows.rs writes';

-- What events refer to by id, once for each day on which they do.
CREATE TABLE ward_internal.audit_block (
    day     date NOT NULL,
    id      uuid NOT NULL,
    kind    text NOT NULL,
    body    jsonb NOT NULL,
    PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
COMMENT ON TABLE ward_internal.audit_block IS 'sessions, identities, texts and relations of sealed events';

-- Changes that were rolled back: those of the session from first_seq to before seq.
CREATE TABLE ward_internal.audit_rollback (
    boot      bigint NOT NULL,
    session   bigint NOT NULL,
    seq       bigint NOT NULL,
    first_seq bigint NOT NULL,
    at        timestamptz NOT NULL,
    -- session and numbers from first_seq to seq - 1, for the index: savepoints nest, and a change lies in many spans or none
    span      box NOT NULL,
    PRIMARY KEY (boot, session, seq)
);
CREATE INDEX audit_rollback_span ON ward_internal.audit_rollback USING gist (span);
COMMENT ON TABLE ward_internal.audit_rollback IS 'which recorded changes were rolled back';

-- Where events come from, and the next entry to be projected. A promoted standby, or a copy of a database, has the
-- events of another origin as well, whose log lies elsewhere.
CREATE TABLE ward_internal.audit_cursor (
    origin integer PRIMARY KEY,
    -- the name of the key that signs the logs, and the number of the database
    name   text NOT NULL UNIQUE,
    log    integer NOT NULL,
    next   bigint NOT NULL
);
COMMENT ON TABLE ward_internal.audit_cursor IS 'where events come from, and how far they have been projected';

CREATE VIEW ward.audit AS
    SELECT e.log, e.index, e.at, e.kind, e.outcome, e.code, e.sqlstate, e.message,
           i.body ->> 'subject' AS subject,
           i.body ->> 'issuer' AS issuer,
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(i.body -> 'tenants')) AS tenants,
           (i.body ->> 'clearance')::ward.label AS clearance,
           i.body ->> 'on_behalf_of' AS on_behalf_of,
           i.body -> 'actors' ->> 0 AS agent,
           i.body ->> 'token_id' AS token_id,
           e.role,
           s.body ->> 'role' AS session_role,
           COALESCE(e.database, s.body ->> 'database') AS database,
           s.body ->> 'client_address' AS client_address,
           (s.body ->> 'client_port')::integer AS client_port,
           s.body ->> 'application' AS application,
           e.statement,
           e.stage,
           ARRAY(SELECT touched ->> 'name' FROM pg_catalog.jsonb_array_elements(r.body -> 'relations') touched) AS relations,
           ARRAY(SELECT DISTINCT (touched ->> 'name') || '.' || name
                 FROM pg_catalog.jsonb_array_elements(r.body -> 'relations') touched,
                      pg_catalog.jsonb_array_elements_text((touched -> 'read') || (touched -> 'written')) name
                 ORDER BY 1) AS columns,
           t.body ->> 'text' AS query,
           e.labels, e.rows, e.k,
           e.keys,
           e.change ->> 'relation' AS changed_relation,
           e.change ->> 'operation' AS operation,
           e.change -> 'key' AS key,
           ARRAY(SELECT pg_catalog.jsonb_array_elements_text(e.change -> 'columns')) AS changed_columns,
           NULLIF(e.change -> 'old', 'null') AS old,
           NULLIF(e.change -> 'new', 'null') AS new,
           e.detail, e.policy_version, e.xid, e.lsn,
           pg_catalog.lpad(pg_catalog.to_hex(e.boot), 16, '0') AS boot,
           e.session, e.seq, e.first_seq,
           (s.body ->> 'pid')::integer AS pid,
           e.user_origin,
           (e.kind = ANY ('{write,row,definition,policy,privilege}') OR (e.kind = 'maintenance' AND e.statement <> 'select')) AND EXISTS (
               SELECT FROM ward_internal.audit_rollback b
               WHERE b.boot = e.boot
                 AND b.span OPERATOR(pg_catalog.@>) pg_catalog.box(
                         pg_catalog.point(e.session::double precision, e.seq::double precision),
                         pg_catalog.point(e.session::double precision, e.seq::double precision))
           ) AS rolled_back,
           (SELECT c.name FROM ward_internal.audit_cursor c WHERE c.origin = e.origin) AS origin
    FROM ward_internal.audit_event e
    LEFT JOIN ward_internal.audit_block s ON s.day = (e.at AT TIME ZONE 'UTC')::date AND s.id = e.session_block
    LEFT JOIN ward_internal.audit_block i ON i.day = (e.at AT TIME ZONE 'UTC')::date AND i.id = e.identity
    LEFT JOIN ward_internal.audit_block t ON t.day = (e.at AT TIME ZONE 'UTC')::date AND t.id = e.text
    LEFT JOIN ward_internal.audit_block r ON r.day = (e.at AT TIME ZONE 'UTC')::date AND r.id = e.relations;
COMMENT ON VIEW ward.audit IS 'what happened: one line per sealed event; for ward_admin and ward_auditor';

-- Open Cybersecurity Schema Framework 1.9: the classes Datastore Activity (6005), Authentication (3002), Entity
-- Management (3004), User Access Management (3005) and Event Log Activity (1008).
CREATE VIEW ward.audit_ocsf AS
    SELECT a.log, a.index,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
               'class_uid', o.class, 'category_uid', o.class / 1000,
               'activity_id', o.activity, 'type_uid', o.class * 100 + o.activity,
               'time', pg_catalog.floor(EXTRACT(epoch FROM a.at) * 1000)::bigint,
               'severity_id', CASE WHEN a.kind IN ('forged', 'gap') THEN 5 WHEN o.denied THEN 4
                                   WHEN a.kind IN ('policy', 'privilege', 'maintenance') THEN 3 ELSE 1 END,
               'status_id', CASE a.outcome WHEN 'allowed' THEN 1 ELSE 2 END,
               'status', CASE a.outcome WHEN 'allowed' THEN 'Success' ELSE 'Failure' END,
               'status_code', a.sqlstate, 'status_detail', a.code,
               'action_id', CASE WHEN o.denied THEN 2 ELSE 1 END,
               'action', CASE WHEN o.denied THEN 'Denied' ELSE 'Allowed' END,
               'disposition_id', CASE WHEN o.denied THEN 2 ELSE 1 END,
               'is_alert', CASE WHEN o.denied OR a.kind IN ('forged', 'gap', 'policy', 'privilege', 'maintenance') THEN true END,
               'message', a.message,
               'actor', pg_catalog.jsonb_build_object(
                   'user', pg_catalog.jsonb_build_object('name', COALESCE(a.role, a.session_role), 'uid', a.subject),
                   'session', pg_catalog.jsonb_build_object('uid', a.boot || '/' || a.session, 'issuer', a.issuer),
                   'app_name', a.application),
               'ai_agent', CASE WHEN a.agent IS NOT NULL THEN pg_catalog.jsonb_build_object('uid', a.agent) END,
               'src_endpoint', CASE WHEN a.client_port IS NOT NULL
                                    THEN pg_catalog.jsonb_build_object('ip', a.client_address, 'port', a.client_port) END,
               'database', pg_catalog.jsonb_build_object('name', a.database, 'type_id', 1),
               'table', CASE WHEN a.relations <> '{}' THEN pg_catalog.jsonb_build_object('name', a.relations[1]) END,
               'query_info', CASE WHEN a.query IS NOT NULL THEN pg_catalog.jsonb_build_object('query_string', a.query) END,
               'metadata', pg_catalog.jsonb_build_object(
                   'version', '1.9.0', 'sequence', a.index, 'uid', a.log || '#' || a.index,
                   'original_event_uid', a.lsn::text,
                   'product', '{"name": "ward", "vendor_name": "ward"}'::jsonb,
                   'profiles', '["security_control", "ai_operation", "record_integrity"]'::jsonb),
               'unmapped', pg_catalog.jsonb_build_object('ward', pg_catalog.jsonb_build_object(
                   'kind', a.kind, 'outcome', a.outcome, 'tenants', a.tenants, 'clearance', a.clearance::text,
                   'on_behalf_of', a.on_behalf_of, 'labels', a.labels::text, 'relations', a.relations,
                   'columns', a.columns, 'rows', a.rows, 'k', a.k, 'keys', a.keys, 'policy_version', a.policy_version,
                   'xid', a.xid, 'statement', a.statement, 'detail', a.detail))
           )) AS event
    FROM ward.audit a
    CROSS JOIN LATERAL (
        SELECT CASE a.kind
                   WHEN 'login' THEN 3002
                   WHEN 'definition' THEN 3004 WHEN 'policy' THEN 3004
                   WHEN 'privilege' THEN 3005
                   WHEN 'boot' THEN 1008 WHEN 'origin' THEN 1008 WHEN 'forged' THEN 1008 WHEN 'gap' THEN 1008
                   ELSE 6005
               END AS class,
               CASE a.kind
                   WHEN 'read' THEN 1 WHEN 'search' THEN 4 WHEN 'login' THEN 1
                   WHEN 'write' THEN CASE a.statement WHEN 'insert' THEN 6 WHEN 'delete' THEN 7 ELSE 2 END
                   WHEN 'row' THEN CASE a.operation WHEN 'insert' THEN 6 WHEN 'delete' THEN 7 ELSE 2 END
                   WHEN 'definition' THEN 3 WHEN 'policy' THEN 3
                   ELSE 99
               END AS activity,
               a.outcome = 'denied' AS denied
    ) o;
COMMENT ON VIEW ward.audit_ocsf IS 'ward.audit as OCSF 1.9 events (schema.ocsf.io); for ward_admin and ward_auditor';
