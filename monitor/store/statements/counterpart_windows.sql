-- Windows other than `due`, already closed, that hold the other end of a message which came after their closing, or the
-- span that received what a consumer now says to process; and those that hold what belongs to a span of a window's length or more.
WITH
{% if long %}
    long_ones AS (
        SELECT trace, span, parent, kind, window, began, ingested FROM long_spans
        WHERE window >= arrayMin({due:Array(UInt32)}) - 10 AND began <= arrayMax({due:Array(UInt32)}) + 10
    ),
    -- the long ones of these windows came: who called them, and what they called
    came AS (SELECT * FROM long_ones WHERE window IN {due:Array(UInt32)}),
    related AS (
        SELECT came.ingested AS ingested, h.window AS window
        FROM came INNER JOIN (
            SELECT own_trace, own_span, window FROM halves
            WHERE window BETWEEN (SELECT min(began) - 10 FROM came) AND (SELECT max(window) FROM came)
              AND own_trace IN (SELECT trace FROM came WHERE kind = 2) AND own_span IN (SELECT parent FROM came)
        ) AS h ON came.trace = h.own_trace AND came.parent = h.own_span
        UNION ALL
        SELECT came.ingested AS ingested, h.window AS window
        FROM came INNER JOIN (
            SELECT own_trace, parent AS above, window, kind FROM halves
            WHERE window BETWEEN (SELECT min(began) - 10 FROM came) AND (SELECT max(window) FROM came)
              AND own_trace IN (SELECT trace FROM came) AND kind IN (2, 3) AND parent IN (SELECT span FROM came)
            UNION ALL
            SELECT trace, parent AS above, window, toUInt8(3) FROM inner_spans
            WHERE window BETWEEN (SELECT min(began) - 10 FROM came) AND (SELECT max(window) FROM came)
              AND trace IN (SELECT trace FROM came WHERE kind IN (3, 4)) AND parent IN (SELECT span FROM came)
        ) AS h ON came.trace = h.own_trace AND came.span = h.above
        WHERE h.kind = 2 OR came.kind IN (3, 4)
        UNION ALL
        -- spans of these windows came: the long ones elsewhere that they called, or that called them
        SELECT h.ingested AS ingested, l.window AS window
        FROM (
            SELECT own_trace, own_span, parent AS above, kind, ingested FROM halves
            WHERE window IN {due:Array(UInt32)} AND own_trace IN (SELECT trace FROM long_ones)
        ) AS h INNER JOIN long_ones AS l ON h.own_trace = l.trace
        WHERE (h.own_span = l.parent AND h.kind IN (3, 4) AND l.kind = 2) OR (h.above = l.span AND h.kind IN (2, 3) AND l.kind != 5)
    ),
{% if asked %}
    -- internal spans of these windows came that tell what GraphQL was asked for: all calls of their long traces
    asking AS (SELECT trace, ingested FROM inner_spans WHERE window IN {due:Array(UInt32)} AND operation != '' AND trace IN (SELECT trace FROM long_ones)),
    asked AS (
        SELECT asking.ingested AS ingested, h.window AS window
        FROM asking INNER JOIN (
            SELECT own_trace, window FROM halves
            WHERE window BETWEEN (SELECT min(began) - 10 FROM long_ones) AND (SELECT max(window) + 10 FROM long_ones)
              AND own_trace IN (SELECT trace FROM asking) AND kind IN (2, 3)
        ) AS h ON asking.trace = h.own_trace
    ),
{% endif %}
{% endif %}
    mine AS (
        SELECT trace, call_span, own_span, side, step, ingested FROM halves
        WHERE window IN {due:Array(UInt32)} AND (kind IN (4, 5) OR protocol = 'messaging')
    ),
    others AS (
        SELECT mine.ingested AS ingested, other.window AS window
        FROM mine INNER JOIN (
            SELECT trace, call_span, own_span, side, step, window FROM message_ends
            WHERE (trace, call_span) IN (SELECT trace, call_span FROM mine)
              AND window NOT IN {due:Array(UInt32)}
        ) AS other ON mine.trace = other.trace AND mine.call_span = other.call_span
        WHERE other.side != mine.side OR (mine.step = 0 AND other.step != 0)
        UNION ALL
        SELECT mine.ingested AS ingested, receive.window AS window
        FROM mine INNER JOIN (
            SELECT trace, own_span, window FROM message_ends
            WHERE side > 1 AND step = 1 AND trace IN (SELECT trace FROM mine WHERE side > 1)
              AND window NOT IN {due:Array(UInt32)}
        ) AS receive ON mine.trace = receive.trace AND mine.call_span = receive.own_span
{% if long %}
        UNION ALL
        SELECT ingested, window FROM related WHERE window NOT IN {due:Array(UInt32)}
{% if asked %}
        UNION ALL
        SELECT ingested, window FROM asked WHERE window NOT IN {due:Array(UInt32)}
{% endif %}
{% endif %}
    )
SELECT DISTINCT toUnixTimestamp(others.window) AS window
FROM others
INNER JOIN (SELECT windows.window AS at, max(closed_at) AS closed FROM windows WHERE level = 0 GROUP BY at) AS p ON others.window = p.at
WHERE others.ingested >= toDateTime(p.closed) - 2
