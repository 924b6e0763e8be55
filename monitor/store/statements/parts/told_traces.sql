    -- traces that halves of the windows `due` tell of, of one part
    SELECT arrayJoin([trace, own_trace]) FROM halves
    WHERE window IN {due:Array(UInt32)}
{% if parts %}
      AND (cityHash64(trace) % {parts:UInt32} = {part:UInt32} OR cityHash64(own_trace) % {parts:UInt32} = {part:UInt32})
{% endif %}
