-- What tells one silent peer from another of its name: Redis' index, the namespace in an Envoy's cluster.
ALTER TABLE halves ADD COLUMN IF NOT EXISTS peer_namespace LowCardinality(String) DEFAULT '' AFTER peer
