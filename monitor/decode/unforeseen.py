"""What bytes that nobody thought of may raise in a decoder: a reject like any other, since a
record that raises each time it is read ends all reading.
"""

UNFORESEEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
