-- Internal spans of some windows, and of those between `since` and `until`; of `traces` (as hex) where there are few.
SELECT trace, span, parent, toUInt32(i.window) AS window, namespace, service, version, operation, start_ns, end_ns
FROM inner_spans AS i FINAL
WHERE (i.window IN {near:Array(UInt32)} OR i.window BETWEEN {since:UInt32} AND {until:UInt32})
{% if few %}
  AND trace IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
{% endif %}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
