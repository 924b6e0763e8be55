-- Internal spans, as narrow as can be: who stands between two halves, or over a server.
CREATE TABLE IF NOT EXISTS inner_spans (
    window DateTime CODEC(DoubleDelta, LZ4),
    trace FixedString(16),
    span FixedString(8),
    parent FixedString(8),
    namespace LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    start_ns UInt64 CODEC(Delta, LZ4),
    end_ns UInt64 CODEC(Delta, LZ4),
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
PARTITION BY toStartOfHour(window)
ORDER BY (window, trace, span)
TTL ingested + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 0, merge_selector_base = 16;

-- Spans of 10 s and more: only these end more than a window away from what belongs to them.
CREATE TABLE IF NOT EXISTS long_spans (
    window DateTime,
    began DateTime COMMENT 'the window in which it started',
    trace FixedString(16),
    span FixedString(8),
    parent FixedString(8),
    kind UInt8,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY (window, trace, span, kind)
TTL ingested + INTERVAL 3 DAY;

-- What the spans of a trace say of each other, found before a generation's calls are counted and of use only then.
CREATE TABLE IF NOT EXISTS joints (
    generation UInt64,
    trace FixedString(16),
    span FixedString(8),
    side UInt8,
    window DateTime,
    key_span FixedString(8) COMMENT 'of a server: the call span under which it counts; zeros: its own',
    dropped UInt8 COMMENT '1: no call of its own',
    far UInt8 COMMENT '1: its client ends more than a window away',
    told_namespace LowCardinality(String),
    told_service LowCardinality(String) COMMENT 'of a server whose client is silent its caller, of a client whose server is silent its callee',
    told_version LowCardinality(String),
    ingested DateTime DEFAULT now()
) ENGINE = MergeTree
ORDER BY (generation, trace, span)
TTL ingested + INTERVAL 1 DAY
