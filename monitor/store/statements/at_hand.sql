-- Halves of the windows `due`, and those of the windows around them that share a trace with them: all that closing reads. A consumer
-- stands under its own trace and under that of its message. `part` of `parts` splits by trace.
SELECT
{% include "parts/half_columns.sql" %}
FROM halves AS h
WHERE h.window IN {around:Array(UInt32)}
{% if parts %}
  AND (cityHash64(trace) % {parts:UInt32} = {part:UInt32} OR (kind = 5 AND cityHash64(own_trace) % {parts:UInt32} = {part:UInt32}))
{% endif %}
{% if few %}
  AND (h.window IN {due:Array(UInt32)}
       OR trace IN (
{% include "parts/told_traces.sql" %}
       )
       OR (kind = 5 AND own_trace IN (
{% include "parts/told_traces.sql" %}
       ))
{% if exchanges %}
       OR trace IN (SELECT trace FROM exchanges WHERE window IN {due:Array(UInt32)} AND has_trace = 1)
       OR (kind = 5 AND own_trace IN (SELECT trace FROM exchanges WHERE window IN {due:Array(UInt32)} AND has_trace = 1))
{% endif %}
      )
{% endif %}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1, preferred_block_size_bytes = 0
