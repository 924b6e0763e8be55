-- Half edges: one row per CLIENT, SERVER, PRODUCER, CONSUMER span (a CONSUMER with n links: n rows, primary on the first).
CREATE TABLE IF NOT EXISTS halves (
    window DateTime CODEC(DoubleDelta, LZ4),
    trace FixedString(16),
    call_span FixedString(8),
    side UInt8 COMMENT '1 client or producer, 2 server or consumer',
    own_span FixedString(8),
    kind UInt8 COMMENT 'OTLP span kind: 2 server, 3 client, 4 producer, 5 consumer',
    primary UInt8 COMMENT '0 on the second and later rows of a consumer with several links',
    has_parent UInt8,
    own_trace FixedString(16),
    parent FixedString(8),
    environment LowCardinality(String),
    cluster LowCardinality(String),
    region LowCardinality(String),
    namespace LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    instance LowCardinality(String),
    protocol LowCardinality(String),
    operation LowCardinality(String),
    peer LowCardinality(String),
    address LowCardinality(String),
    outcome LowCardinality(String),
    failed UInt8,
    error_type LowCardinality(String),
    start_ns UInt64 CODEC(Delta, LZ4),
    end_ns UInt64 CODEC(Delta, LZ4),
    weight Float64,
    sampling UInt8 COMMENT '0 none, 1 head, 2 biased',
    content_hash UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(content_hash)
PARTITION BY toStartOfHour(window)
ORDER BY (window, trace, call_span, side, own_span)
TTL ingested + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 0, index_granularity = 8192;

-- Where the producers of messages stand, so that a consumer hours later finds its own; and the other way round.
CREATE TABLE IF NOT EXISTS message_ends (
    trace FixedString(16),
    call_span FixedString(8),
    side UInt8,
    own_span FixedString(8),
    window DateTime,
    start_ns UInt64,
    end_ns UInt64,
    namespace LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    failed UInt8,
    weight Float64,
    sampling UInt8,
    content_hash UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(content_hash)
ORDER BY (trace, call_span, side, own_span)
TTL ingested + INTERVAL 24 HOUR
SETTINGS index_granularity = 512;

-- Which windows a batch touched; append-only, so that a count of rows seen at closing tells what came since.
CREATE TABLE IF NOT EXISTS arrivals (
    window DateTime,
    id UUID DEFAULT generateUUIDv4(),
    source_id LowCardinality(String),
    late UInt8 DEFAULT 0,
    rows UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = MergeTree
ORDER BY window
TTL ingested + INTERVAL 30 DAY;

-- One row a Kafka record: what became of it. Replays collapse by key, so the rows tile the log.
CREATE TABLE IF NOT EXISTS ledger (
    source_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 CODEC(Delta, LZ4),
    gap UInt64 COMMENT 'offsets skipped just before this record',
    spans UInt32,
    halves UInt32 COMMENT 'spans that became half edges',
    filtered UInt32,
    rejected UInt32,
    exchanges UInt32,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY (source_id, partition, offset)
TTL ingested + INTERVAL 30 DAY;

-- Event time each partition has reached.
CREATE TABLE IF NOT EXISTS watermarks (
    source_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    watermark DateTime64(3),
    drained UInt8,
    seen_at DateTime64(3),
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(seen_at)
ORDER BY (source_id, partition)
TTL ingested + INTERVAL 7 DAY;

CREATE TABLE IF NOT EXISTS rejects (
    source_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    reason LowCardinality(String),
    detail String,
    payload_hash String,
    payload_bytes UInt64,
    count UInt32,
    whole UInt8,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY (source_id, partition, offset, reason, detail)
TTL ingested + INTERVAL 30 DAY;

-- Exchanges of API logs with what checking them said; never a payload value.
CREATE TABLE IF NOT EXISTS exchanges (
    window DateTime,
    source_id LowCardinality(String),
    partition UInt32,
    offset UInt64,
    `index` UInt32,
    trace FixedString(16),
    span FixedString(8),
    has_trace UInt8,
    side UInt8 COMMENT '1 client, 2 server',
    environment LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee LowCardinality(String),
    callee_version LowCardinality(String),
    callee_namespace LowCardinality(String),
    protocol LowCardinality(String),
    operation LowCardinality(String),
    status UInt16,
    outcome LowCardinality(String),
    error_type LowCardinality(String),
    end_ns UInt64,
    duration_ns UInt64,
    has_duration UInt8,
    checked LowCardinality(String) COMMENT 'valid, violated or not_checked',
    reason LowCardinality(String),
    contract LowCardinality(String),
    revision UInt32,
    request_shape UInt64,
    response_shape UInt64,
    content_hash UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(content_hash)
PARTITION BY toStartOfHour(window)
ORDER BY (window, source_id, partition, offset, `index`)
TTL ingested + INTERVAL 3 DAY;

CREATE TABLE IF NOT EXISTS violations (
    window DateTime,
    source_id LowCardinality(String),
    partition UInt32,
    offset UInt64,
    `index` UInt32,
    fingerprint String,
    contract LowCardinality(String),
    revision UInt32,
    operation LowCardinality(String),
    side LowCardinality(String),
    rule LowCardinality(String),
    pointer String,
    clause String,
    expected String,
    actual String,
    environment LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee LowCardinality(String),
    callee_version LowCardinality(String),
    trace FixedString(16),
    has_trace UInt8,
    status UInt16,
    at DateTime64(3),
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
PARTITION BY toStartOfHour(window)
ORDER BY (window, source_id, partition, offset, `index`, fingerprint)
TTL ingested + INTERVAL 30 DAY;

-- What a payload looked like, without values; `shape` is JSON, `shape_id` its hash.
CREATE TABLE IF NOT EXISTS shapes (
    shape_id UInt64,
    shape String CODEC(ZSTD(3)),
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY shape_id
TTL ingested + INTERVAL 90 DAY;
