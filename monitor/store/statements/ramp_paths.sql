-- Checked exchanges of one callee by version pair, operation and status. Who logs only one side leaves the other's version open:
-- the half of the same span tells it.
WITH
    logged AS (
        SELECT trace, span, has_trace, caller, caller_version, callee_version, operation, status, checked
        FROM exchanges FINAL
        WHERE window >= toDateTime({since:UInt32}) AND window + 10 <= toDateTime({until:UInt32})
          AND callee = {service:String} AND environment = {environment:String}
          AND ({namespace:String} = '*' OR callee_namespace IN ('', {namespace:String}))
    ),
    sides AS (
        SELECT h.trace AS in_trace, h.call_span AS of_call, h.side AS of_side, any(h.own_span) AS of_span, any(h.service) AS by_service, any(h.version) AS by_version
        FROM halves AS h FINAL
        WHERE h.window >= toDateTime({since:UInt32} - 10) AND h.window < toDateTime({until:UInt32} + 10)
          AND h.trace IN (SELECT trace FROM logged WHERE has_trace = 1 AND (caller_version = '' OR callee_version = ''))
        GROUP BY in_trace, of_call, of_side
    ),
    called AS (
        SELECT l.*, if(own.of_call != toFixedString('', 8), own.of_call, l.span) AS of_call
        FROM logged AS l
        LEFT JOIN (SELECT * FROM sides WHERE of_side = 2) AS own ON l.trace = own.in_trace AND l.span = own.of_span
    )
SELECT
    multiIf(d.caller NOT IN ('', 'unknown'), d.caller, c.by_service != '', c.by_service, d.caller) AS from_service,
    if(d.caller_version != '', d.caller_version, c.by_version) AS from_version,
    if(d.callee_version != '', d.callee_version, s.by_version) AS to_version,
    d.operation AS operation, d.status AS status,
    count() AS exchanges, countIf(d.checked = 'valid') AS valid, countIf(d.checked = 'violated') AS violated
FROM called AS d
LEFT JOIN (SELECT * FROM sides WHERE of_side = 1) AS c ON d.trace = c.in_trace AND d.of_call = c.of_call
LEFT JOIN (SELECT * FROM sides WHERE of_side = 2) AS s ON d.trace = s.in_trace AND d.of_call = s.of_call
GROUP BY from_service, from_version, to_version, operation, status
ORDER BY from_service, from_version, to_version, operation, status
LIMIT 20000
