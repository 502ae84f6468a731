-- ward at work in the database of the suite: one protected table makes the pass look at every query.
-- It lives in a schema of its own, so that the suite's listings of what is visible stay as they are.
CREATE EXTENSION ward;
CREATE SCHEMA warded;
CREATE TABLE warded.docs (id int PRIMARY KEY, tenant_id int, label ward.label, body text);
SELECT ward.protect('warded.docs');
SELECT ward.mask('warded.docs', 'body', 'null');
