-- As at_hand, of the traces from `low` to `high` (hex): two readings, since the primary key finds a range of one column only.
SELECT * FROM (
    SELECT
{% include "parts/half_columns.sql" %}
    FROM halves AS h
    WHERE h.window IN {around:Array(UInt32)} AND trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
{% include "parts/sharing_traces.sql" %}
    UNION ALL
    SELECT
{% include "parts/half_columns.sql" %}
    FROM halves AS h
    WHERE h.window IN {around:Array(UInt32)} AND kind = 5 AND own_trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
      AND NOT trace BETWEEN toFixedString(unhex({low:String}), 16) AND toFixedString(unhex({high:String}), 16)
{% include "parts/sharing_traces.sql" %}
)
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1, preferred_block_size_bytes = 0
