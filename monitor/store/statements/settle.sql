-- Of the spans that were sent more than once, in the windows `around`, the copies that count. Of the same span in one window it is the
-- one that a merge would keep. Sent again with another end or parent, the copy in the later of two neighbouring windows counts.
-- A number stands for each span first: few are sent twice.
INSERT INTO settled
SELECT {generation:UInt64}, * EXCEPT (is_superseded) FROM (
    SELECT *,
        has(groupArray(window) OVER (PARTITION BY trace, own_span, side, if(kind = 5, call_span, own_span)), window + 10)
        OR max(content_hash) OVER (PARTITION BY trace, own_span, side, if(kind = 5, call_span, own_span), window) > content_hash AS is_superseded
    FROM (
        SELECT reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0) AS number, *
        FROM halves
        WHERE window IN {around:Array(UInt32)} AND number IN (
            SELECT reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0) AS span
            FROM halves WHERE window IN {around:Array(UInt32)} GROUP BY span HAVING count() > 1)
        ORDER BY content_hash DESC
        LIMIT 1 BY window, trace, call_span, side, own_span
    )
)
WHERE NOT is_superseded
