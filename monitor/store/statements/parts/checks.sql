    -- one check a call's span: two logs of one call by the same span count once, the server's; and the failure that each side's log
    -- tells of. What was checked on a span that is part of a call counts for the call: a clause that it breaks is broken, whatever
    -- else was checked. Its failure is none of the call's: of attempts the last may have gone well
    checks AS (
        SELECT trace, call_of AS span, argMax(checked, (is_folded = 0, side, protocol = 'messaging' AND checked = 'violated', source_id, partition, offset, `index`)) AS verdict,
               argMax(reason, (is_folded = 0, side, protocol = 'messaging' AND checked = 'violated', source_id, partition, offset, `index`)) AS why,
               max(is_folded = 1 AND checked = 'violated') AS folded_broken,
               maxIf((toString(outcome), toString(error_type)), is_folded = 0 AND side = 1 AND status != 0 AND outcome IN ('server_error', 'timeout')) AS client_failure,
               maxIf((toString(outcome), toString(error_type)), is_folded = 0 AND side = 2 AND status != 0 AND outcome IN ('server_error', 'timeout')) AS server_failure
        FROM (
            SELECT e.*, f.of_call != toFixedString('', 8) AS is_folded, if(is_folded, f.of_call, e.span) AS call_of
            FROM (SELECT * FROM exchanges FINAL WHERE window IN {near:Array(UInt32)} AND has_trace = 1) AS e
            LEFT JOIN (
                SELECT trace AS in_trace, span AS folded_span, any(key_span) AS of_call FROM joints
                WHERE generation = {generation:UInt64} AND dropped = 1 GROUP BY trace, span
            ) AS f ON e.trace = f.in_trace AND e.span = f.folded_span
        )
        GROUP BY trace, call_of
    ),
