"""One file a migration; a released one is never changed: its checksum is kept in the store."""
