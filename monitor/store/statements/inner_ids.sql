-- Internal spans of some windows by number, under which span each stands, and what GraphQL was asked for.
SELECT reinterpretAsUInt64(i.span) AS span, reinterpretAsUInt64(i.parent) AS parent, operation FROM inner_spans AS i WHERE i.window IN {near:Array(UInt32)}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
