-- Two doors that a careless DBA leaves open: both run with a superuser's rights.
CREATE VIEW everyone AS SELECT * FROM chunks;
CREATE FUNCTION spy() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS
    $$ SELECT count(*) FROM chunks WHERE tenant_id <> 'python' $$;
GRANT SELECT ON everyone TO app;
