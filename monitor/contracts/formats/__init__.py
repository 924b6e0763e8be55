"""One module a format: text of a contract in, the intermediate form out."""
