-- Chunks are made from documents: from now on they take over tenant and label, and follow.
SELECT ward.derive('chunks', parent => 'documents', child_key => '{document_id}', parent_key => '{id}',
                   on_delete => 'refuse');
