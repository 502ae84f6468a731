SELECT id, tenant_id, label, left(section, 34) AS section, left(replace(body, E'\n', ' '), 44) AS text
  FROM chunks
 ORDER BY embedding <=> :'embedding'
 LIMIT 10;
