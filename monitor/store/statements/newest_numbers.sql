-- The largest numbers any publishing used: a new control store must count on from here.
SELECT max(seq) AS seq, max(generation) AS generation FROM windows
