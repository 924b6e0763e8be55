-- One row per edge, version pair and window, under a generation; visible once `windows` names the generation.
CREATE TABLE IF NOT EXISTS edge_windows (
    window DateTime,
    generation UInt64,
    environment LowCardinality(String),
    cluster LowCardinality(String),
    region LowCardinality(String),
    caller_namespace LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    callee_namespace LowCardinality(String),
    callee LowCardinality(String),
    callee_version LowCardinality(String),
    protocol LowCardinality(String),
    operation LowCardinality(String),
    calls UInt64,
    weighted_calls Float64,
    failed UInt64,
    ok UInt64,
    client_error UInt64,
    server_error UInt64,
    timeout UInt64,
    cancelled UInt64,
    error_types Map(LowCardinality(String), UInt64),
    valid UInt64,
    violated UInt64,
    not_checked Map(LowCardinality(String), UInt64),
    both UInt64,
    client_only UInt64,
    server_only UInt64,
    log_only UInt64,
    client_calls UInt64,
    server_calls UInt64,
    client_ns UInt64,
    server_ns UInt64,
    self_ns UInt64,
    queue_ns UInt64,
    client_histogram Map(Int16, UInt64),
    server_histogram Map(Int16, UInt64),
    self_histogram Map(Int16, UInt64),
    queue_histogram Map(Int16, UInt64),
    sampling UInt8 COMMENT '0 none, 1 head, 2 biased: the worst of its calls',
    exemplars Array(FixedString(16)),
    failed_exemplars Array(FixedString(16)),
    ingested DateTime DEFAULT now()
) ENGINE = MergeTree
PARTITION BY toYYYYMMDD(window)
ORDER BY (window, generation, environment, callee, operation, caller)
TTL ingested + INTERVAL 30 DAY;

CREATE TABLE IF NOT EXISTS edge_hours AS edge_windows
ENGINE = MergeTree
PARTITION BY toYYYYMM(window)
ORDER BY (window, generation, environment, callee, operation, caller)
TTL ingested + INTERVAL 13 MONTH;

-- What is published: append-only. `seq` orders publishing; a reader takes the newest seq S, then only rows up to S.
-- level 0: windows of 10 s in edge_windows; level 1: hours in edge_hours.
CREATE TABLE IF NOT EXISTS windows (
    seq UInt64,
    level UInt8,
    window DateTime,
    generation UInt64,
    sealed UInt8,
    arrivals UInt64 COMMENT 'rows of arrivals seen for this window before its halves were read',
    rows UInt64 COMMENT 'halves and exchanges those arrivals spoke of',
    late UInt64 COMMENT 'rows that came after the window was sealed',
    closed_at DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (level, window, seq);

CREATE TABLE IF NOT EXISTS sightings (
    window DateTime,
    generation UInt64,
    environment LowCardinality(String),
    namespace LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    instance LowCardinality(String),
    spans UInt64,
    server_calls UInt64,
    failed UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = MergeTree
PARTITION BY toYYYYMMDD(window)
ORDER BY (window, generation, environment, service)
TTL ingested + INTERVAL 30 DAY;

-- How often each shape was seen, by edge and version; same generations.
CREATE TABLE IF NOT EXISTS shape_counts (
    window DateTime,
    generation UInt64,
    environment LowCardinality(String),
    callee LowCardinality(String),
    callee_version LowCardinality(String),
    caller LowCardinality(String),
    caller_version LowCardinality(String),
    operation LowCardinality(String),
    status UInt16,
    side LowCardinality(String),
    shape_id UInt64,
    count UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = MergeTree
PARTITION BY toYYYYMMDD(window)
ORDER BY (window, generation, environment, callee, operation)
TTL ingested + INTERVAL 30 DAY;

-- Addresses that turned out to be a service, learned from paired calls.
CREATE TABLE IF NOT EXISTS addresses (
    environment LowCardinality(String),
    address String,
    namespace LowCardinality(String),
    service LowCardinality(String),
    version_hint LowCardinality(String),
    seen DateTime
) ENGINE = ReplacingMergeTree(seen)
ORDER BY (environment, address, namespace, service)
TTL seen + INTERVAL 7 DAY;

-- A few calls per edge, version, outcome and hour with the skeleton of their trace, so that a verdict outlives the tracing store.
CREATE TABLE IF NOT EXISTS evidence (
    hour DateTime,
    environment LowCardinality(String),
    caller LowCardinality(String),
    callee LowCardinality(String),
    operation LowCardinality(String),
    caller_version LowCardinality(String),
    callee_version LowCardinality(String),
    outcome LowCardinality(String),
    rank UInt64 COMMENT 'hash of the trace id: the smallest are kept',
    trace FixedString(16),
    error_type LowCardinality(String),
    duration_ns UInt64,
    skeleton String COMMENT 'JSON: spans of the trace as service, version, operation, side, outcome, start offset and duration in us',
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(ingested)
ORDER BY (hour, environment, callee, operation, caller, caller_version, callee_version, outcome, rank)
TTL ingested + INTERVAL 90 DAY;

-- Projections of the control store for dashboards.
CREATE TABLE IF NOT EXISTS deploys (
    id String,
    kind LowCardinality(String),
    environment LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    previous_version LowCardinality(String),
    state LowCardinality(String),
    started DateTime64(3),
    first_traffic Nullable(DateTime64(3)),
    updated DateTime64(3)
) ENGINE = ReplacingMergeTree(updated) ORDER BY id;

CREATE TABLE IF NOT EXISTS findings (
    id String,
    deploy_id String,
    environment LowCardinality(String),
    caller LowCardinality(String),
    callee LowCardinality(String),
    operation LowCardinality(String),
    signal LowCardinality(String),
    clause String,
    caller_version LowCardinality(String),
    callee_version LowCardinality(String),
    role LowCardinality(String),
    state LowCardinality(String),
    summary String,
    first_seen DateTime64(3),
    last_seen DateTime64(3),
    updated DateTime64(3)
) ENGINE = ReplacingMergeTree(updated) ORDER BY id;

CREATE TABLE IF NOT EXISTS verdicts (
    id String,
    deploy_id String,
    environment LowCardinality(String),
    service LowCardinality(String),
    version LowCardinality(String),
    outcome LowCardinality(String),
    reasons Array(String),
    judged_at DateTime64(3)
) ENGINE = ReplacingMergeTree(judged_at) ORDER BY id;
