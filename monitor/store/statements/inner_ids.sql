-- Internal spans of some windows by number, and under which span each stands.
SELECT reinterpretAsUInt64(i.span) AS span, reinterpretAsUInt64(i.parent) AS parent FROM inner_spans AS i WHERE i.window IN {near:Array(UInt32)}
