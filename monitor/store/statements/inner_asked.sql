-- Internal spans of some windows, and of those between `since` and `until`, of traces in which one of them tells what GraphQL was
-- asked for.
SELECT trace, span, parent, toUInt32(i.window) AS window, namespace, service, operation, start_ns
FROM inner_spans AS i FINAL
WHERE (i.window IN {near:Array(UInt32)} OR i.window BETWEEN {since:UInt32} AND {until:UInt32})
  AND trace IN (
    SELECT trace FROM inner_spans AS t
    WHERE (t.window IN {near:Array(UInt32)} OR t.window BETWEEN {since:UInt32} AND {until:UInt32}) AND operation != '')
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
