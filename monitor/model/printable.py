"""Foreign text without what cannot be seen: control characters, marks that turn the direction of
writing, lone surrogates.
"""


def printable(text: str, instead: str = " ", keep: str = "") -> str:
    """The text with `instead` in place of each mark that is not printable, but for those in
    `keep`.
    """
    return (
        text
        if text.isprintable()
        else "".join(mark if mark.isprintable() or mark in keep else instead for mark in text)
    )


def is_visible(text: str) -> bool:
    """Whether any mark of a text can be seen: not of spaces, or of marks without a width, alone."""
    return any(mark.isprintable() and not mark.isspace() for mark in text)
