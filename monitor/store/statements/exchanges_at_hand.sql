-- Exchanges of the windows `near`, each once, with what closing asks of them.
SELECT
    toUInt32(e.window) AS window, source_id, partition, offset, `index`, trace, span, has_trace, side, environment, caller, caller_version, callee,
    callee_version, callee_namespace, protocol, operation, status, outcome, error_type, duration_ns, has_duration, checked, reason,
    toUInt8(1) AS mine
FROM exchanges AS e FINAL
WHERE e.window IN {near:Array(UInt32)} AND trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
