"""Whether data of one revision of a schema can be read by another: the rules of each language, and
of registries.
"""
