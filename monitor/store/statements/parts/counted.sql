-- if changed
    -- spans sent again with other content, of which FINAL keeps one only under the same window and parent: the copy in the later of
    -- two neighbouring windows counts, in one window the one that FINAL would keep. Few spans are: a number stands for each first
    sent AS (
        SELECT trace, own_span, side, if(kind = 5, call_span, own_span) AS place, window, content_hash FROM halves
        WHERE window IN {around:Array(UInt32)} AND (reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0)) IN (
            SELECT reinterpretAsUInt64(own_span) + side + if(kind = 5, intHash64(reinterpretAsUInt64(call_span)), 0) AS span FROM halves
            WHERE window IN {around:Array(UInt32)}
            GROUP BY span HAVING min((window, content_hash)) != max((window, content_hash)))
    ),
    superseded AS (
        SELECT earlier.trace, earlier.own_span, earlier.side, earlier.place, earlier.window, earlier.content_hash
        FROM sent AS earlier INNER JOIN sent AS later USING (trace, own_span, side, place)
        WHERE later.window = earlier.window + 10 OR (later.window = earlier.window AND later.content_hash > earlier.content_hash)
    ),
    counted AS (
        SELECT * FROM once
        WHERE (trace, own_span, side, if(kind = 5, call_span, own_span), window, content_hash) NOT IN (SELECT * FROM superseded)
    ),
-- else
    counted AS (SELECT * FROM once),
-- end
