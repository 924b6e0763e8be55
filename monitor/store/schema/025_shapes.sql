-- Which skeletons live payloads had, by hour and version pair: fields and types, never a value. An exchange that is told twice
-- counts once: the state holds hashes of natural keys. Rows go in by shapes_seen, which keeps none.
CREATE TABLE IF NOT EXISTS shapes (
    hour DateTime,
    callee LowCardinality(String),
    callee_namespace LowCardinality(String),
    environment LowCardinality(String),
    protocol LowCardinality(String),
    operation LowCardinality(String),
    status UInt16,
    side LowCardinality(String) COMMENT 'request, response, query or headers',
    media LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee_version LowCardinality(String),
    stands_for UInt16 COMMENT 'one in so many was looked at',
    shape UInt64 COMMENT '0: it could not be seen',
    exchanges AggregateFunction(uniqCombined64(14), UInt64),
    first SimpleAggregateFunction(min, DateTime),
    last SimpleAggregateFunction(max, DateTime),
    ingested SimpleAggregateFunction(max, DateTime)
) ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol,
          stands_for, shape)
TTL ingested + INTERVAL 30 DAY;

CREATE TABLE IF NOT EXISTS shapes_seen (
    source_id String,
    partition UInt32,
    offset UInt64,
    `index` UInt32,
    at UInt32,
    callee String,
    callee_namespace String,
    environment String,
    protocol String,
    operation String,
    status UInt16,
    side String,
    media String,
    caller String,
    caller_version String,
    callee_version String,
    stands_for UInt16,
    shape UInt64
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS shapes_counted TO shapes AS
SELECT toStartOfHour(toDateTime(s.at)) AS hour, s.callee AS callee, s.callee_namespace AS callee_namespace, s.environment AS environment,
       s.protocol AS protocol, s.operation AS operation, s.status AS status, s.side AS side, s.media AS media, s.caller AS caller,
       s.caller_version AS caller_version, s.callee_version AS callee_version, s.stands_for AS stands_for, s.shape AS shape,
       uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.`index`)) AS exchanges,
       min(toDateTime(s.at)) AS first, max(toDateTime(s.at)) AS last, now() AS ingested
FROM shapes_seen AS s
GROUP BY hour, callee, callee_namespace, environment, protocol, operation, status, side, media, caller, caller_version, callee_version,
         stands_for, shape;

-- What a skeleton's number stands for.
CREATE TABLE IF NOT EXISTS shape_texts (
    shape UInt64,
    text String CODEC(ZSTD(3)),
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY shape
TTL ingested + INTERVAL 31 DAY;

-- Marks of what stood at each place of the payloads that were looked at: kinds of numbers and texts, sizes, lengths, formats. Never
-- a value. They tell shares and not counts: a batch that is written twice adds to both sides of a share.
CREATE TABLE IF NOT EXISTS shape_marks (
    hour DateTime,
    callee LowCardinality(String),
    callee_namespace LowCardinality(String),
    environment LowCardinality(String),
    protocol LowCardinality(String),
    operation LowCardinality(String),
    status UInt16,
    side LowCardinality(String),
    media LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee_version LowCardinality(String),
    marks SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'by pointer, a unit separator, and the mark',
    ingested SimpleAggregateFunction(max, DateTime) DEFAULT now()
) ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol)
TTL ingested + INTERVAL 30 DAY
