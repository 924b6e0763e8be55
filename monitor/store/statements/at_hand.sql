-- Halves of the windows `due`, and those of the windows around them that share a trace with them: all that closing reads. A consumer
-- stands under its own trace and under that of its message.
SELECT
{% include "parts/half_columns.sql" %}
FROM halves AS h
WHERE h.window IN {around:Array(UInt32)}
{% include "parts/sharing_traces.sql" %}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1, preferred_block_size_bytes = 0
