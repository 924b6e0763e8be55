-- Whether windows first..last hold messages, exchanges or violations at all.
SELECT
    (SELECT count() FROM halves WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32}) AND (kind IN (4, 5) OR protocol = 'messaging')) AS messages,
    (SELECT count() FROM exchanges WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32})) AS exchanges,
    (SELECT count() FROM violations WHERE window BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32}) AND has_trace = 1) AS violations
