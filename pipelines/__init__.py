"""The graphs: read here what flows where, one screen a file."""
