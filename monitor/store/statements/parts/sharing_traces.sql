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
