-- The one role the whole application connects with, and what it may touch.
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON documents, chunks TO app;
GRANT SELECT ON questions TO app;
