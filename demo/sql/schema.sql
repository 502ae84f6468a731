-- Two ordinary tables, as a retrieval application has them. tenant_id says whose a row is,
-- label says how sensitive it is; nothing else is asked of them.
CREATE TABLE documents (
    id        integer PRIMARY KEY,
    tenant_id text NOT NULL,
    label     ward.label NOT NULL,
    title     text NOT NULL,
    source    text NOT NULL
);
CREATE TABLE chunks (
    id          integer PRIMARY KEY,
    document_id integer NOT NULL REFERENCES documents,
    tenant_id   text NOT NULL,
    label       ward.label NOT NULL,
    position    integer NOT NULL,
    section     text NOT NULL,
    body        text NOT NULL,
    embedding   vector(384) NOT NULL
);
CREATE TABLE questions (
    id        integer PRIMARY KEY,
    question  text NOT NULL,
    embedding vector(384) NOT NULL
);
