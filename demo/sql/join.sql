SELECT d.tenant_id, d.title, count(*) AS chunks
  FROM documents d
  JOIN chunks c ON c.document_id = d.id
 GROUP BY d.id, d.tenant_id, d.title
 ORDER BY chunks DESC, d.id
 LIMIT 3;
