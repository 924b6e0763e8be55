    -- one check a span: two logs of one call by the same span count once, the server's; and the failure that each side's log
    -- tells of
    checks AS (
        SELECT trace, span, argMax(checked, (side, source_id, partition, offset, `index`)) AS verdict,
               argMax(reason, (side, source_id, partition, offset, `index`)) AS why,
               maxIf((toString(outcome), toString(error_type)), side = 1 AND status != 0 AND outcome IN ('server_error', 'timeout')) AS client_failure,
               maxIf((toString(outcome), toString(error_type)), side = 2 AND status != 0 AND outcome IN ('server_error', 'timeout')) AS server_failure
        FROM exchanges FINAL
        WHERE window IN {near:Array(UInt32)} AND has_trace = 1
        GROUP BY trace, span
    ),
