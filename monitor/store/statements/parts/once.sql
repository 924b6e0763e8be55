    -- halves, each span once; where none was sent twice there is nothing to settle
{% if resent %}
    once AS (
        SELECT * FROM halves
        WHERE window IN {around:Array(UInt32)} AND
{% include "parts/span_number.sql" %}
              NOT IN (SELECT number FROM settled WHERE generation = {generation:UInt64})
        UNION ALL
        SELECT * EXCEPT (generation, number) FROM settled WHERE generation = {generation:UInt64}
    ),
{% else %}
    once AS (SELECT * FROM halves WHERE window IN {around:Array(UInt32)}),
{% endif %}
