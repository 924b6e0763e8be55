-- Windows outside first..last, already closed, that hold the other end of a message which came after their closing.
SELECT DISTINCT toUnixTimestamp(other.window) AS window
FROM (
    SELECT trace, call_span, side, ingested FROM halves
    WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32}) AND (kind IN (4, 5) OR protocol = 'messaging')
) AS mine
INNER JOIN (
    SELECT trace, call_span, side, window FROM message_ends
    WHERE (trace, call_span) IN (
        SELECT trace, call_span FROM halves
        WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32}) AND (kind IN (4, 5) OR protocol = 'messaging'))
      AND window NOT BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32})
) AS other ON mine.trace = other.trace AND mine.call_span = other.call_span
INNER JOIN (SELECT window, max(closed_at) AS closed FROM windows WHERE level = 0 GROUP BY window) AS p ON other.window = p.window
WHERE other.side != mine.side AND mine.ingested >= toDateTime(p.closed) - 2
