-- Whoever is not cleared for secret may search by embeddings, and read none.
SELECT ward.mask('chunks', 'embedding', 'search_only', label => 'secret');
