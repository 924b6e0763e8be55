-- Which examples of which contracts live exchanges showed, by hour and version pair. An exchange that is told twice counts
-- once: the state holds hashes of natural keys. Rows go in by interactions_shown, which keeps none.
CREATE TABLE IF NOT EXISTS interactions (
    hour DateTime,
    contract LowCardinality(String),
    interaction LowCardinality(String),
    shown LowCardinality(String) COMMENT 'kept, broken or open',
    environment LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee LowCardinality(String),
    callee_version LowCardinality(String),
    exchanges AggregateFunction(uniqCombined64(14), UInt64),
    first SimpleAggregateFunction(min, DateTime),
    last SimpleAggregateFunction(max, DateTime),
    revision SimpleAggregateFunction(max, UInt32),
    ingested SimpleAggregateFunction(max, DateTime)
) ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (contract, interaction, hour, shown, environment, caller, caller_version, callee, callee_version)
TTL ingested + INTERVAL 13 MONTH;

CREATE TABLE IF NOT EXISTS interactions_shown (
    source_id String,
    partition UInt32,
    offset UInt64,
    `index` UInt32,
    at UInt32,
    contract String,
    revision UInt32,
    interaction String,
    shown String,
    environment String,
    caller String,
    caller_version String,
    callee String,
    callee_version String
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS interactions_counted TO interactions AS
SELECT toStartOfHour(toDateTime(s.at)) AS hour, s.contract AS contract, s.interaction AS interaction, s.shown AS shown,
       s.environment AS environment, s.caller AS caller, s.caller_version AS caller_version, s.callee AS callee,
       s.callee_version AS callee_version,
       uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.`index`)) AS exchanges,
       min(toDateTime(s.at)) AS first, max(toDateTime(s.at)) AS last, max(s.revision) AS revision, now() AS ingested
FROM interactions_shown AS s
GROUP BY hour, contract, interaction, shown, environment, caller, caller_version, callee, callee_version
