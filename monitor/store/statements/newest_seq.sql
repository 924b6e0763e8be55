SELECT max(seq) AS seq FROM windows
