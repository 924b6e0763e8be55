-- What live exchanges showed of the stubs of mocks, by hour and version pair: which stub was asked for, how the real provider
-- answered, how long it took, and the skeleton of its body; never a value. An exchange that is told twice counts once: the state
-- holds hashes of natural keys. Rows go in by mocks_met, which keeps none.
CREATE TABLE IF NOT EXISTS mock_hours (
    hour DateTime,
    contract LowCardinality(String),
    revision UInt32,
    interaction LowCardinality(String) COMMENT 'the stub; "" where none answers such a request',
    met LowCardinality(String) COMMENT 'predicate, perhaps, operation or ""',
    shown LowCardinality(String) COMMENT 'kept, broken or open',
    word LowCardinality(String) COMMENT 'call, shape or broken',
    environment LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee LowCardinality(String),
    callee_version LowCardinality(String),
    operation LowCardinality(String),
    status UInt16,
    bucket Int16 COMMENT 'of a call: how long it took, as in histograms; -1000 where it is not known',
    stands_for UInt16 COMMENT 'of a shape: one in so many was looked at',
    shape UInt64 COMMENT '0: it could not be seen',
    detail String COMMENT 'of what is broken: rule, place, clause, expected, actual',
    exchanges AggregateFunction(uniqCombined64(14), UInt64),
    first SimpleAggregateFunction(min, DateTime),
    last SimpleAggregateFunction(max, DateTime),
    ingested SimpleAggregateFunction(max, DateTime)
) ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (contract, revision, hour, interaction, met, shown, word, environment, operation, status, caller, caller_version, callee, callee_version,
          bucket, stands_for, shape, detail)
TTL ingested + INTERVAL 30 DAY;

CREATE TABLE IF NOT EXISTS mocks_met (
    source_id String,
    partition UInt32,
    offset UInt64,
    `index` UInt32,
    at UInt32,
    contract String,
    revision UInt32,
    interaction String,
    met String,
    shown String,
    word String,
    environment String,
    caller String,
    caller_version String,
    callee String,
    callee_version String,
    operation String,
    status UInt16,
    bucket Int16,
    stands_for UInt16,
    shape UInt64,
    detail String
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS mocks_counted TO mock_hours AS
SELECT toStartOfHour(toDateTime(s.at)) AS hour, s.contract AS contract, s.revision AS revision, s.interaction AS interaction, s.met AS met, s.shown AS shown,
       s.word AS word, s.environment AS environment, s.caller AS caller, s.caller_version AS caller_version, s.callee AS callee,
       s.callee_version AS callee_version, s.operation AS operation, s.status AS status, s.bucket AS bucket,
       s.stands_for AS stands_for, s.shape AS shape, s.detail AS detail,
       uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.`index`)) AS exchanges,
       min(toDateTime(s.at)) AS first, max(toDateTime(s.at)) AS last, now() AS ingested
FROM mocks_met AS s
GROUP BY hour, contract, revision, interaction, met, shown, word, environment, operation, status, caller, caller_version, callee, callee_version,
         bucket, stands_for, shape, detail
