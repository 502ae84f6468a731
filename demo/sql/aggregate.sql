SELECT label, count(DISTINCT document_id) AS documents, count(*) AS chunks
  FROM chunks
 GROUP BY label
 ORDER BY label;
