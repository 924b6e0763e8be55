-- Calls of some hours that were kept since a moment, by the store's clock.
SELECT
    toUInt32(e.hour) AS hour, environment, caller, callee, operation, caller_version, callee_version, outcome, rank, trace, error_type,
    duration_ns, skeleton
FROM evidence AS e FINAL
WHERE e.hour IN {hours:Array(UInt32)} AND e.ingested >= toDateTime({since:UInt32})
