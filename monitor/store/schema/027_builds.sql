-- What instances say of their builds and places: a few resource attributes, the newest value of each.
CREATE TABLE IF NOT EXISTS builds (
    environment LowCardinality(String),
    namespace LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    instance String,
    attribute LowCardinality(String),
    value String,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY (service, environment, version, instance, namespace, attribute)
TTL ingested + INTERVAL 3 DAY
