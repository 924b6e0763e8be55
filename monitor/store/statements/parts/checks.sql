    -- one check a span: two logs of one call by the same span count once, the server's
    checks AS (
        SELECT trace, span, argMax(checked, (side, source_id, partition, offset, `index`)) AS verdict,
               argMax(reason, (side, source_id, partition, offset, `index`)) AS why
        FROM exchanges FINAL
        WHERE window IN {near:Array(UInt32)} AND has_trace = 1
        GROUP BY trace, span
    ),
