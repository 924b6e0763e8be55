-- All tables and views as the files in schema/ leave them; a new store takes them from here.
-- Written by: python -m tests.store.test_schema
CREATE TABLE IF NOT EXISTS addresses
(
    `environment` LowCardinality(String),
    `address` String,
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version_hint` LowCardinality(String),
    `seen` DateTime
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY (environment, address, namespace, service)
TTL seen + toIntervalDay(7)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS arrivals
(
    `window` DateTime,
    `id` UUID DEFAULT generateUUIDv4(),
    `source_id` LowCardinality(String),
    `late` UInt8 DEFAULT 0,
    `rows` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY window
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS builds
(
    `environment` LowCardinality(String),
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `instance` String,
    `attribute` LowCardinality(String),
    `value` String,
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY (service, environment, version, instance, namespace, attribute)
TTL ingested + toIntervalDay(3)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS deploys
(
    `id` String,
    `kind` LowCardinality(String),
    `environment` LowCardinality(String),
    `namespace` LowCardinality(String) DEFAULT '',
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `previous_version` LowCardinality(String),
    `state` LowCardinality(String),
    `started` DateTime64(3),
    `first_traffic` Nullable(DateTime64(3)),
    `updated` DateTime64(3)
)
ENGINE = ReplacingMergeTree(updated)
ORDER BY id
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS edge_hours
(
    `window` DateTime,
    `generation` UInt64,
    `environment` LowCardinality(String),
    `cluster` LowCardinality(String),
    `region` LowCardinality(String),
    `caller_namespace` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee_namespace` LowCardinality(String),
    `callee` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `protocol` LowCardinality(String),
    `operation` LowCardinality(String),
    `calls` UInt64,
    `weighted_calls` Float64,
    `failed` UInt64,
    `ok` UInt64,
    `client_error` UInt64,
    `server_error` UInt64,
    `timeout` UInt64,
    `cancelled` UInt64,
    `error_types` Map(LowCardinality(String), UInt64),
    `provider_only` Map(LowCardinality(String), UInt64),
    `valid` UInt64,
    `violated` UInt64,
    `not_checked` Map(LowCardinality(String), UInt64),
    `both` UInt64,
    `client_only` UInt64,
    `server_only` UInt64,
    `log_only` UInt64,
    `folded` UInt64 DEFAULT 0,
    `failed_attempts` UInt64 DEFAULT 0,
    `client_calls` UInt64,
    `server_calls` UInt64,
    `client_ns` UInt64,
    `server_ns` UInt64,
    `self_ns` UInt64,
    `queue_ns` UInt64,
    `client_histogram` Map(Int16, UInt64),
    `server_histogram` Map(Int16, UInt64),
    `self_histogram` Map(Int16, UInt64),
    `queue_histogram` Map(Int16, UInt64),
    `sampling` UInt8 COMMENT '0 none, 1 head, 2 biased: the worst of its calls',
    `exemplars` Array(FixedString(16)),
    `failed_exemplars` Array(FixedString(16)),
    `ingested` DateTime DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(window)
ORDER BY (window, generation, environment, callee, operation, caller)
TTL ingested + toIntervalMonth(13)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS edge_windows
(
    `window` DateTime,
    `generation` UInt64,
    `environment` LowCardinality(String),
    `cluster` LowCardinality(String),
    `region` LowCardinality(String),
    `caller_namespace` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee_namespace` LowCardinality(String),
    `callee` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `protocol` LowCardinality(String),
    `operation` LowCardinality(String),
    `calls` UInt64,
    `weighted_calls` Float64,
    `failed` UInt64,
    `ok` UInt64,
    `client_error` UInt64,
    `server_error` UInt64,
    `timeout` UInt64,
    `cancelled` UInt64,
    `error_types` Map(LowCardinality(String), UInt64),
    `provider_only` Map(LowCardinality(String), UInt64),
    `valid` UInt64,
    `violated` UInt64,
    `not_checked` Map(LowCardinality(String), UInt64),
    `both` UInt64,
    `client_only` UInt64,
    `server_only` UInt64,
    `log_only` UInt64,
    `folded` UInt64 DEFAULT 0,
    `failed_attempts` UInt64 DEFAULT 0,
    `client_calls` UInt64,
    `server_calls` UInt64,
    `client_ns` UInt64,
    `server_ns` UInt64,
    `self_ns` UInt64,
    `queue_ns` UInt64,
    `client_histogram` Map(Int16, UInt64),
    `server_histogram` Map(Int16, UInt64),
    `self_histogram` Map(Int16, UInt64),
    `queue_histogram` Map(Int16, UInt64),
    `sampling` UInt8 COMMENT '0 none, 1 head, 2 biased: the worst of its calls',
    `exemplars` Array(FixedString(16)),
    `failed_exemplars` Array(FixedString(16)),
    `ingested` DateTime DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(window)
ORDER BY (window, generation, environment, callee, operation, caller)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS evidence
(
    `hour` DateTime,
    `environment` LowCardinality(String),
    `caller` LowCardinality(String),
    `callee` LowCardinality(String),
    `operation` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `outcome` LowCardinality(String),
    `rank` UInt64 COMMENT 'hash of the trace id: the smallest are kept',
    `trace` FixedString(16),
    `error_type` LowCardinality(String),
    `duration_ns` UInt64,
    `skeleton` String COMMENT 'JSON: spans of the trace as service, version, operation, side, outcome, start offset and duration in us',
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY (hour, environment, callee, operation, caller, caller_version, callee_version, outcome, rank)
TTL ingested + toIntervalDay(90)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS exchanges
(
    `window` DateTime,
    `source_id` LowCardinality(String),
    `partition` UInt32,
    `offset` UInt64,
    `index` UInt32,
    `trace` FixedString(16),
    `span` FixedString(8),
    `has_trace` UInt8,
    `side` UInt8 COMMENT '1 client, 2 server',
    `environment` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `callee_namespace` LowCardinality(String),
    `protocol` LowCardinality(String),
    `operation` LowCardinality(String),
    `status` UInt16,
    `outcome` LowCardinality(String),
    `error_type` LowCardinality(String),
    `end_ns` UInt64,
    `duration_ns` UInt64,
    `has_duration` UInt8,
    `checked` LowCardinality(String) COMMENT 'valid, violated or not_checked',
    `reason` LowCardinality(String),
    `contract` LowCardinality(String),
    `revision` UInt32,
    `request_shape` UInt64 DEFAULT 0,
    `content_hash` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(content_hash)
PARTITION BY toStartOfHour(window)
ORDER BY (window, source_id, partition, offset, index)
TTL ingested + toIntervalDay(3)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS halves
(
    `window` DateTime CODEC(DoubleDelta, LZ4),
    `trace` FixedString(16),
    `call_span` FixedString(8),
    `side` UInt8 COMMENT '1 client or producer, 2 server or consumer',
    `own_span` FixedString(8),
    `kind` UInt8 COMMENT 'OTLP span kind: 2 server, 3 client, 4 producer, 5 consumer',
    `primary` UInt8 COMMENT '0 on the second and later rows of a consumer with several links',
    `has_parent` UInt8,
    `own_trace` FixedString(16),
    `parent` FixedString(8),
    `step` UInt8 DEFAULT 0,
    `environment` LowCardinality(String),
    `cluster` LowCardinality(String),
    `region` LowCardinality(String),
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `instance` LowCardinality(String),
    `protocol` LowCardinality(String),
    `operation` LowCardinality(String),
    `peer` LowCardinality(String),
    `peer_namespace` LowCardinality(String) DEFAULT '',
    `address` LowCardinality(String),
    `outcome` LowCardinality(String),
    `failed` UInt8,
    `error_type` LowCardinality(String),
    `failure` LowCardinality(String) DEFAULT '',
    `start_ns` UInt64 CODEC(Delta(8), LZ4),
    `end_ns` UInt64 CODEC(Delta(8), LZ4),
    `weight` Float64,
    `sampling` UInt8 COMMENT '0 none, 1 head, 2 biased',
    `content_hash` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(content_hash)
PARTITION BY toStartOfHour(window)
ORDER BY (window, trace, call_span, side, own_span)
TTL ingested + toIntervalDay(3)
SETTINGS ttl_only_drop_parts = 0, index_granularity = 8192, merge_selector_base = 32, max_bytes_to_merge_at_max_space_in_pool = 128000000, enable_vertical_merge_algorithm = 0;

CREATE TABLE IF NOT EXISTS inner_spans
(
    `window` DateTime CODEC(DoubleDelta, LZ4),
    `trace` FixedString(16),
    `span` FixedString(8),
    `parent` FixedString(8),
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `operation` LowCardinality(String) DEFAULT '',
    `start_ns` UInt64 CODEC(Delta(8), LZ4),
    `end_ns` UInt64 CODEC(Delta(8), LZ4),
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ingested)
PARTITION BY toStartOfHour(window)
ORDER BY (window, trace, span)
TTL ingested + toIntervalDay(3)
SETTINGS ttl_only_drop_parts = 0, merge_selector_base = 32, index_granularity = 8192, max_bytes_to_merge_at_max_space_in_pool = 128000000, enable_vertical_merge_algorithm = 0;

CREATE TABLE IF NOT EXISTS interactions
(
    `hour` DateTime,
    `contract` LowCardinality(String),
    `interaction` LowCardinality(String),
    `shown` LowCardinality(String) COMMENT 'kept, broken or open',
    `environment` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `exchanges` AggregateFunction(uniqCombined64(14), UInt64),
    `first` SimpleAggregateFunction(min, DateTime),
    `last` SimpleAggregateFunction(max, DateTime),
    `revision` SimpleAggregateFunction(max, UInt32),
    `ingested` SimpleAggregateFunction(max, DateTime)
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (contract, interaction, hour, shown, environment, caller, caller_version, callee, callee_version)
TTL ingested + toIntervalMonth(13)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS interactions_shown
(
    `source_id` String,
    `partition` UInt32,
    `offset` UInt64,
    `index` UInt32,
    `at` UInt32,
    `contract` String,
    `revision` UInt32,
    `interaction` String,
    `shown` String,
    `environment` String,
    `caller` String,
    `caller_version` String,
    `callee` String,
    `callee_version` String
)
ENGINE = `Null`;

CREATE TABLE IF NOT EXISTS joints
(
    `generation` UInt64,
    `trace` FixedString(16),
    `span` FixedString(8),
    `side` UInt8,
    `window` DateTime,
    `key_span` FixedString(8) COMMENT 'of a server: the call span under which it counts; zeros: its own',
    `dropped` UInt8 COMMENT '1: no call of its own',
    `far` UInt8 COMMENT '1: its client ends more than a window away',
    `told_namespace` LowCardinality(String),
    `told_service` LowCardinality(String) COMMENT 'of a server whose client is silent its caller, of a client whose server is silent its callee',
    `told_version` LowCardinality(String),
    `folds` UInt16 DEFAULT 0,
    `outcome` LowCardinality(String) DEFAULT '',
    `error_type` LowCardinality(String) DEFAULT '',
    `failed` UInt8 DEFAULT 0,
    `ingested` DateTime DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (generation, trace, span)
TTL ingested + toIntervalDay(1)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS ledger
(
    `source_id` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt32,
    `offset` UInt64 CODEC(Delta(8), LZ4),
    `gap` UInt64 COMMENT 'offsets skipped just before this record',
    `spans` UInt32,
    `halves` UInt32 COMMENT 'spans that became half edges',
    `filtered` UInt32,
    `rejected` UInt32,
    `exchanges` UInt32,
    `ingested` DateTime DEFAULT now(),
    `reading` UInt64 DEFAULT 0
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY (source_id, partition, offset)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS long_spans
(
    `window` DateTime,
    `began` DateTime COMMENT 'the window in which it started',
    `trace` FixedString(16),
    `span` FixedString(8),
    `parent` FixedString(8),
    `kind` UInt8,
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY (window, trace, span, kind)
TTL ingested + toIntervalDay(3)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS losses
(
    `source_id` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt32,
    `offset` UInt64 COMMENT 'of the record after them',
    `gap` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(gap)
ORDER BY (source_id, partition, offset)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS message_ends
(
    `trace` FixedString(16),
    `call_span` FixedString(8),
    `side` UInt8,
    `own_span` FixedString(8),
    `window` DateTime,
    `start_ns` UInt64,
    `end_ns` UInt64,
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `failed` UInt8,
    `weight` Float64,
    `sampling` UInt8,
    `step` UInt8 DEFAULT 0,
    `content_hash` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(content_hash)
ORDER BY (trace, call_span, side, own_span)
TTL ingested + toIntervalHour(24)
SETTINGS index_granularity = 512, merge_selector_base = 32, enable_vertical_merge_algorithm = 0;

CREATE TABLE IF NOT EXISTS mock_hours
(
    `hour` DateTime,
    `contract` LowCardinality(String),
    `revision` UInt32,
    `interaction` LowCardinality(String) COMMENT 'the stub; "" where none answers such a request',
    `met` LowCardinality(String) COMMENT 'predicate, perhaps, operation or ""',
    `shown` LowCardinality(String) COMMENT 'kept, broken or open',
    `word` LowCardinality(String) COMMENT 'call, shape or broken',
    `environment` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `operation` LowCardinality(String),
    `status` UInt16,
    `bucket` Int16 COMMENT 'of a call: how long it took, as in histograms; -1000 where it is not known',
    `stands_for` UInt16 COMMENT 'of a shape: one in so many was looked at',
    `shape` UInt64 COMMENT '0: it could not be seen',
    `detail` String COMMENT 'of what is broken: rule, place, clause, expected, actual',
    `exchanges` AggregateFunction(uniqCombined64(14), UInt64),
    `first` SimpleAggregateFunction(min, DateTime),
    `last` SimpleAggregateFunction(max, DateTime),
    `ingested` SimpleAggregateFunction(max, DateTime)
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (contract, revision, hour, interaction, met, shown, word, environment, operation, status, caller, caller_version, callee, callee_version, bucket, stands_for, shape, detail)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS mocks_met
(
    `source_id` String,
    `partition` UInt32,
    `offset` UInt64,
    `index` UInt32,
    `at` UInt32,
    `contract` String,
    `revision` UInt32,
    `interaction` String,
    `met` String,
    `shown` String,
    `word` String,
    `environment` String,
    `caller` String,
    `caller_version` String,
    `callee` String,
    `callee_version` String,
    `operation` String,
    `status` UInt16,
    `bucket` Int16,
    `stands_for` UInt16,
    `shape` UInt64,
    `detail` String
)
ENGINE = `Null`;

CREATE TABLE IF NOT EXISTS rejects
(
    `source_id` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt32,
    `offset` UInt64,
    `reason` LowCardinality(String),
    `detail` String,
    `payload_hash` String,
    `payload_bytes` UInt64,
    `count` UInt32,
    `whole` UInt8,
    `ingested` DateTime DEFAULT now(),
    `reading` UInt64 DEFAULT 0
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY (source_id, partition, offset, reason, detail)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS shape_marks
(
    `hour` DateTime,
    `callee` LowCardinality(String),
    `callee_namespace` LowCardinality(String),
    `environment` LowCardinality(String),
    `protocol` LowCardinality(String),
    `operation` LowCardinality(String),
    `status` UInt16,
    `side` LowCardinality(String),
    `media` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_namespace` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `marks` SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'by pointer, a unit separator, and the mark',
    `ingested` SimpleAggregateFunction(max, DateTime) DEFAULT now()
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
PRIMARY KEY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol)
ORDER BY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol, caller_namespace)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS shape_texts
(
    `shape` UInt64,
    `text` String CODEC(ZSTD(3)),
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ingested)
ORDER BY shape
TTL ingested + toIntervalDay(31)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS shapes
(
    `hour` DateTime,
    `callee` LowCardinality(String),
    `callee_namespace` LowCardinality(String),
    `environment` LowCardinality(String),
    `protocol` LowCardinality(String),
    `operation` LowCardinality(String),
    `status` UInt16,
    `side` LowCardinality(String) COMMENT 'request, response, query or headers',
    `media` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_namespace` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `stands_for` UInt16 COMMENT 'one in so many was looked at',
    `shape` UInt64 COMMENT '0: it could not be seen',
    `exchanges` AggregateFunction(uniqCombined64(14), UInt64),
    `first` SimpleAggregateFunction(min, DateTime),
    `last` SimpleAggregateFunction(max, DateTime),
    `ingested` SimpleAggregateFunction(max, DateTime)
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
PRIMARY KEY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol, stands_for, shape)
ORDER BY (callee, hour, environment, operation, status, side, media, caller, caller_version, callee_version, callee_namespace, protocol, stands_for, shape, caller_namespace)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS shapes_seen
(
    `source_id` String,
    `partition` UInt32,
    `offset` UInt64,
    `index` UInt32,
    `at` UInt32,
    `callee` String,
    `callee_namespace` String,
    `environment` String,
    `protocol` String,
    `operation` String,
    `status` UInt16,
    `side` String,
    `media` String,
    `caller` String,
    `caller_namespace` String,
    `caller_version` String,
    `callee_version` String,
    `stands_for` UInt16,
    `shape` UInt64
)
ENGINE = `Null`;

CREATE TABLE IF NOT EXISTS shards
(
    `number` UInt32,
    `shards` UInt32 COMMENT 'how many there are beside the house',
    `house` String,
    `made` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(made)
ORDER BY number
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS sighting_hours
(
    `window` DateTime,
    `generation` UInt64,
    `environment` LowCardinality(String),
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `instance` LowCardinality(String),
    `spans` UInt64,
    `server_calls` UInt64,
    `failed` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(window)
ORDER BY (window, generation, environment, service)
TTL ingested + toIntervalMonth(13)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS sightings
(
    `window` DateTime,
    `generation` UInt64,
    `environment` LowCardinality(String),
    `namespace` LowCardinality(String),
    `service` LowCardinality(String),
    `version` LowCardinality(String),
    `instance` LowCardinality(String),
    `spans` UInt64,
    `server_calls` UInt64,
    `failed` UInt64,
    `ingested` DateTime DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(window)
ORDER BY (window, generation, environment, service)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS violations
(
    `window` DateTime,
    `source_id` LowCardinality(String),
    `partition` UInt32,
    `offset` UInt64,
    `index` UInt32,
    `fingerprint` String,
    `contract` LowCardinality(String),
    `revision` UInt32,
    `operation` LowCardinality(String),
    `side` LowCardinality(String),
    `rule` LowCardinality(String),
    `pointer` String,
    `clause` String,
    `expected` String,
    `actual` String,
    `environment` LowCardinality(String),
    `caller` LowCardinality(String),
    `caller_version` LowCardinality(String),
    `caller_namespace` LowCardinality(String) DEFAULT '',
    `callee` LowCardinality(String),
    `callee_version` LowCardinality(String),
    `callee_namespace` LowCardinality(String) DEFAULT '',
    `trace` FixedString(16),
    `has_trace` UInt8,
    `status` UInt16,
    `at` DateTime64(3),
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ingested)
PARTITION BY toStartOfHour(window)
ORDER BY (window, source_id, partition, offset, index, fingerprint)
TTL ingested + toIntervalDay(30)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS watermarks
(
    `source_id` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt32,
    `watermark` DateTime64(3),
    `drained` UInt8,
    `seen_at` DateTime64(3),
    `ingested` DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(seen_at)
ORDER BY (source_id, partition)
TTL ingested + toIntervalDay(7)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS windows
(
    `seq` UInt64,
    `level` UInt8,
    `window` DateTime,
    `generation` UInt64,
    `sealed` UInt8,
    `arrivals` UInt64 COMMENT 'rows of arrivals seen for this window before its halves were read',
    `rows` UInt64 COMMENT 'halves and exchanges those arrivals spoke of',
    `late` UInt64 COMMENT 'rows that came after the window was sealed',
    `closed_at` DateTime64(3) DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (level, window, seq)
SETTINGS index_granularity = 8192;

CREATE MATERIALIZED VIEW IF NOT EXISTS interactions_counted TO interactions
(
    `hour` DateTime,
    `contract` String,
    `interaction` String,
    `shown` String,
    `environment` String,
    `caller` String,
    `caller_version` String,
    `callee` String,
    `callee_version` String,
    `exchanges` AggregateFunction(uniqCombined64(14), UInt64),
    `first` DateTime,
    `last` DateTime,
    `revision` UInt32,
    `ingested` DateTime
)
AS SELECT
    toStartOfHour(toDateTime(s.at)) AS hour,
    s.contract AS contract,
    s.interaction AS interaction,
    s.shown AS shown,
    s.environment AS environment,
    s.caller AS caller,
    s.caller_version AS caller_version,
    s.callee AS callee,
    s.callee_version AS callee_version,
    uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.index)) AS exchanges,
    min(toDateTime(s.at)) AS first,
    max(toDateTime(s.at)) AS last,
    max(s.revision) AS revision,
    now() AS ingested
FROM interactions_shown AS s
GROUP BY
    hour,
    contract,
    interaction,
    shown,
    environment,
    caller,
    caller_version,
    callee,
    callee_version;

CREATE MATERIALIZED VIEW IF NOT EXISTS mocks_counted TO mock_hours
(
    `hour` DateTime,
    `contract` String,
    `revision` UInt32,
    `interaction` String,
    `met` String,
    `shown` String,
    `word` String,
    `environment` String,
    `caller` String,
    `caller_version` String,
    `callee` String,
    `callee_version` String,
    `operation` String,
    `status` UInt16,
    `bucket` Int16,
    `stands_for` UInt16,
    `shape` UInt64,
    `detail` String,
    `exchanges` AggregateFunction(uniqCombined64(14), UInt64),
    `first` DateTime,
    `last` DateTime,
    `ingested` DateTime
)
AS SELECT
    toStartOfHour(toDateTime(s.at)) AS hour,
    s.contract AS contract,
    s.revision AS revision,
    s.interaction AS interaction,
    s.met AS met,
    s.shown AS shown,
    s.word AS word,
    s.environment AS environment,
    s.caller AS caller,
    s.caller_version AS caller_version,
    s.callee AS callee,
    s.callee_version AS callee_version,
    s.operation AS operation,
    s.status AS status,
    s.bucket AS bucket,
    s.stands_for AS stands_for,
    s.shape AS shape,
    s.detail AS detail,
    uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.index)) AS exchanges,
    min(toDateTime(s.at)) AS first,
    max(toDateTime(s.at)) AS last,
    now() AS ingested
FROM mocks_met AS s
GROUP BY
    hour,
    contract,
    revision,
    interaction,
    met,
    shown,
    word,
    environment,
    operation,
    status,
    caller,
    caller_version,
    callee,
    callee_version,
    bucket,
    stands_for,
    shape,
    detail;

CREATE MATERIALIZED VIEW IF NOT EXISTS shapes_counted TO shapes
(
    `hour` DateTime,
    `callee` String,
    `callee_namespace` String,
    `environment` String,
    `protocol` String,
    `operation` String,
    `status` UInt16,
    `side` String,
    `media` String,
    `caller` String,
    `caller_namespace` String,
    `caller_version` String,
    `callee_version` String,
    `stands_for` UInt16,
    `shape` UInt64,
    `exchanges` AggregateFunction(uniqCombined64(14), UInt64),
    `first` DateTime,
    `last` DateTime,
    `ingested` DateTime
)
AS SELECT
    toStartOfHour(toDateTime(s.at)) AS hour,
    s.callee AS callee,
    s.callee_namespace AS callee_namespace,
    s.environment AS environment,
    s.protocol AS protocol,
    s.operation AS operation,
    s.status AS status,
    s.side AS side,
    s.media AS media,
    s.caller AS caller,
    s.caller_namespace AS caller_namespace,
    s.caller_version AS caller_version,
    s.callee_version AS callee_version,
    s.stands_for AS stands_for,
    s.shape AS shape,
    uniqCombined64State(14)(cityHash64(s.source_id, s.partition, s.offset, s.index)) AS exchanges,
    min(toDateTime(s.at)) AS first,
    max(toDateTime(s.at)) AS last,
    now() AS ingested
FROM shapes_seen AS s
GROUP BY
    hour,
    callee,
    callee_namespace,
    environment,
    protocol,
    operation,
    status,
    side,
    media,
    caller,
    caller_namespace,
    caller_version,
    callee_version,
    stands_for,
    shape;
