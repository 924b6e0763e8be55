"""GraphQL: what a query selects of a schema, and whether an answer holds just that."""
