SELECT ward.trust_issuer('https://login.example.com', audience => 'library', jwks => :'jwks',
                         claims => '{"tenant": "org", "clearance": "clearance"}');
SELECT ward.protect('documents', tenant => 'tenant_id', label => 'label');
SELECT ward.protect('chunks',    tenant => 'tenant_id', label => 'label');
