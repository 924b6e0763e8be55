-- Halves of traces with long spans that stand in none of the windows `around`: each span once a window.
SELECT
{% include "parts/half_columns.sql" %}
FROM halves AS h
WHERE h.primary = 1 AND h.window NOT IN {around:Array(UInt32)} AND h.window BETWEEN {since:UInt32} AND {until:UInt32}
{% if parts %}
  AND own_trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
{% endif %}
  AND own_trace IN (
    SELECT trace FROM long_spans
    WHERE window >= arrayMin({due:Array(UInt32)}) - 10 AND window <= arrayMax({due:Array(UInt32)}) + 3600
      AND began <= arrayMax({due:Array(UInt32)}) + 10)
ORDER BY content_hash DESC
LIMIT 1 BY h.window, trace, call_span, side, own_span
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1, preferred_block_size_bytes = 0
