-- Whether a span was sent again with other content (another end, parent or status) in the windows `around`: rarely also 1 where two
-- spans' numbers agree.
SELECT count() AS changed FROM (
    SELECT reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0) AS span
    FROM halves
    WHERE window IN {around:Array(UInt32)}
    GROUP BY span HAVING min((window, content_hash)) != max((window, content_hash))
    LIMIT 1
)
