-- What an internal span tells of GraphQL: the type and name of the operation, which instrumentations put below the server's span.
ALTER TABLE inner_spans ADD COLUMN IF NOT EXISTS operation LowCardinality(String) DEFAULT '' AFTER version
