-- Some traces of the windows `due`, as hex.
SELECT arrayJoin(arrayMap(trace -> hex(trace), groupArraySample(4096, 1)(trace))) AS trace FROM halves WHERE window IN {due:Array(UInt32)}
