-- Who answered under these addresses of any environment.
SELECT DISTINCT environment, address, namespace, service FROM addresses WHERE address IN {addresses:Array(String)}
