-- if resent
    -- spans sent again with other content, of which FINAL keeps one only under the same window and parent: the copy in the later of
    -- two neighbouring windows counts, in one window the one that FINAL would keep
    sent AS (
        SELECT trace, own_span, side, if(kind = 5, call_span, own_span) AS place, window, content_hash FROM halves
        WHERE window BETWEEN lowest - 10 AND highest + 10
          AND (trace, own_span, side, place) IN (
            SELECT trace, own_span, side, if(kind = 5, call_span, own_span) AS place FROM halves
            WHERE window BETWEEN lowest - 10 AND highest + 10
            GROUP BY trace, own_span, side, place HAVING uniqExact(window, content_hash) > 1)
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
