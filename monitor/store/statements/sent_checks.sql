-- What was checked of messages themselves, in the windows that they were sent in.
SELECT trace, span, checked, reason, source_id, partition, offset
FROM exchanges FINAL
WHERE protocol = 'messaging' AND has_trace = 1 AND window IN {windows:Array(UInt32)}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
