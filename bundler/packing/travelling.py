"""What of the author's source travels and what stays behind, in a line or two."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bundler.sources.closure import Closure

_MOST = 8


def travelling(closure: Closure, always: Collection[str] = ()) -> tuple[str, ...]:
    """Return lines that say which modules travel, how much of them, and what the model does not need.

    The distributions of `always` are needed besides the modules.
    """
    if not closure.modules:
        return ()
    all_lines = sum(len(module.original.splitlines()) for module in closure.modules)
    left = sum(module.left_out for module in closure.modules)
    count = len(closure.modules)
    told = [f"source: {count} module{'s' if count > 1 else ''}, {all_lines - left} of {all_lines} lines"]
    distributions = [name for name in closure.left_distributions if name not in always]
    behind = [
        f"modules {_listed(closure.left_modules)}" if closure.left_modules else "",
        f"requirements {_listed(distributions)}" if distributions else "",
    ]
    if any(behind):
        told.append(f"left behind, since the model does not need them: {'; '.join(filter(None, behind))}")
    return tuple(told)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
