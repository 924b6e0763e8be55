-- Windows other than `due`, already closed, that hold the other end of a message which came after their closing, or the
-- span that received what a consumer now says to process.
WITH
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
    )
SELECT DISTINCT toUnixTimestamp(others.window) AS window
FROM others
INNER JOIN (SELECT windows.window AS at, max(closed_at) AS closed FROM windows WHERE level = 0 GROUP BY at) AS p ON others.window = p.at
WHERE others.ingested >= toDateTime(p.closed) - 2
