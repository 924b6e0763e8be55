-- All spans of the traces in which one span says something of another than client and server do: a client over a client, a server
-- right under a server or an internal span, two spans with one id; and those with spans so long that what belongs to them may end
-- far away. Each number of a span is looked at once: which kinds of spans have it as their own, which as their parent's.
WITH
-- include once
    numbers AS (
        SELECT number, groupBitOr(role) AS roles FROM (
            SELECT number, role FROM halves
            ARRAY JOIN [reinterpretAsUInt64(own_span), reinterpretAsUInt64(parent)] AS number,
                       [multiIf(kind = 2, 2, kind = 5, 16, 1), multiIf(kind = 2, 8, kind = 5, 0, 4)]::Array(UInt8) AS role
            WHERE window IN {near:Array(UInt32)}
            UNION ALL
            SELECT number, role FROM inner_spans
            ARRAY JOIN [reinterpretAsUInt64(span), reinterpretAsUInt64(parent)] AS number, [32, 64]::Array(UInt8) AS role
            WHERE window IN {near:Array(UInt32)}
        )
        WHERE number != 0
        GROUP BY number
        -- a server's and a client's own; a client's own and over a client or internal span; over a server and not (only) a client's
        HAVING bitAnd(roles, 3) = 3 OR bitAnd(roles, 5) = 5 OR bitAnd(roles, 65) = 65 OR (bitAnd(roles, 8) = 8 AND bitAnd(roles, 50) != 0)
    ),
-- if long
    long_ones AS (
        SELECT trace, greatest(began, window - 3600) AS began, window FROM long_spans
        WHERE window >= arrayMin({due:Array(UInt32)}) - 10 AND window <= arrayMax({due:Array(UInt32)}) + 3600
          AND began <= arrayMax({due:Array(UInt32)}) + 10
    ),
-- end
    families AS (
        SELECT own_trace AS trace FROM halves
        WHERE window IN {near:Array(UInt32)}
          AND (reinterpretAsUInt64(own_span) IN (SELECT number FROM numbers) OR reinterpretAsUInt64(parent) IN (SELECT number FROM numbers)
               -- sidecars by name may tell both what came and what went, as any service does
               OR match(lower(service), 'sidecar|envoy|istio|linkerd|mesh|proxy|consul-dataplane|daprd'))
-- if long
        UNION DISTINCT
        SELECT trace FROM long_ones
-- end
    )
SELECT own_trace AS trace, own_span AS span, parent, kind, toUInt32(window) AS window, start_ns, end_ns, namespace, service, version, protocol,
       replaceRegexpOne(address, ':[0-9]+$', '') AS host,
       outcome, error_type, failed
FROM once
WHERE primary = 1 AND own_trace IN (SELECT trace FROM families)
-- if long
  AND (window IN {near:Array(UInt32)}
       OR window BETWEEN (SELECT min(began) - 10 FROM long_ones) AND (SELECT max(window) + 10 FROM long_ones))
-- else
  AND window IN {near:Array(UInt32)}
-- end
-- if long
UNION ALL
SELECT own_trace AS trace, own_span AS span, parent, kind, toUInt32(window) AS window, start_ns, end_ns, namespace, service, version, protocol,
       replaceRegexpOne(address, ':[0-9]+$', '') AS host,
       outcome, error_type, failed
FROM (
    SELECT * FROM halves
    WHERE primary = 1 AND own_trace IN (SELECT trace FROM families) AND window NOT IN {around:Array(UInt32)}
      AND window BETWEEN (SELECT min(began) - 10 FROM long_ones) AND (SELECT max(window) + 10 FROM long_ones)
    ORDER BY content_hash DESC
    LIMIT 1 BY window, trace, call_span, side, own_span
)
-- end
UNION ALL
SELECT trace, span, parent, toUInt8(1) AS kind, toUInt32(window) AS window, start_ns, end_ns, namespace, service, version,
       ''::LowCardinality(String) AS protocol, ''::LowCardinality(String) AS host,
       ''::LowCardinality(String) AS outcome, ''::LowCardinality(String) AS error_type, toUInt8(0) AS failed
FROM inner_spans FINAL
WHERE trace IN (SELECT trace FROM families)
-- if long
  AND (window IN {near:Array(UInt32)}
       OR window BETWEEN (SELECT min(began) - 10 FROM long_ones) AND (SELECT max(window) + 10 FROM long_ones))
-- else
  AND window IN {near:Array(UInt32)}
-- end
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
