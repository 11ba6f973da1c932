"""What a relative import means."""

from __future__ import annotations


def absolute(name: str, level: int, package: str) -> str:
    """Return the absolute form of a relative import; one that leaves the top-level package keeps its dots.

    Args:
        name: what stands behind the dots; may be empty.
        level: how many dots; none for an import that is absolute already.
        package: the package that the module is in, or that it is; empty for a module outside of any.
    """
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level > len(parts):
        return "." * level + name
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name}" if name else base
