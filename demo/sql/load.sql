\copy documents FROM PROGRAM 'gzip -dc corpus/documents.copy.gz'
\copy chunks    FROM PROGRAM 'gzip -dc corpus/chunks.copy.gz'
\copy questions FROM PROGRAM 'gzip -dc corpus/questions.copy.gz'
CREATE INDEX ON documents (tenant_id);
CREATE INDEX ON chunks (document_id);
CREATE INDEX ON chunks (tenant_id);
CREATE INDEX chunks_embedding ON chunks USING hnsw (embedding vector_cosine_ops) WITH (ef_construction = 200);
ANALYZE;
