"""Steps of JSON pointers. https://www.rfc-editor.org/rfc/rfc6901"""


def escaped(name: str) -> str:
    """A key as one step of a pointer."""
    if "~" not in name and "/" not in name:
        return name
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(step: str) -> str:
    """The key that one step of a pointer names."""
    return step.replace("~1", "/").replace("~0", "~") if "~" in step else step
