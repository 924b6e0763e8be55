-- What checking said of the exchanges that ended since a moment, alike ones counted.
SELECT e.checked AS checked, e.reason AS reason, e.contract AS contract, count() AS exchanges
FROM exchanges AS e FINAL
WHERE e.window >= toDateTime({since:UInt32}) AND e.end_ns >= {since_ns:UInt64}
GROUP BY checked, reason, contract
ORDER BY exchanges DESC, checked, reason, contract
