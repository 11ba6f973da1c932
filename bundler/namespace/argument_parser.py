"""`argparse.ArgumentParser` as a bundle has it: it reads the arguments that it is given, into objects of the bundle's.

A parser gets and sets attributes by the names of arguments, of whatever it is called with, and may end the process. The
arguments of the host's process are none of a bundle's: where it asks for these it gets none, and what its author's were
is recorded by value.
"""

from __future__ import annotations

import argparse
from typing import Any

from bundler.namespace.guard import Guard, is_own


def parser_of(guard: Guard) -> type[argparse.ArgumentParser]:
    """Return the parser of one bundle."""

    def check_target(namespace: Any) -> None:
        # Attributes are got and set by the names of arguments.
        if not isinstance(namespace, argparse.Namespace) and not is_own(guard, namespace):
            guard.require("reflection", f"reads arguments into a {type(namespace).__name__}")

    def checked_action(kind: type[argparse.Action]) -> type[argparse.Action]:
        class Action(kind):  # type: ignore[valid-type, misc]
            """Gets and sets the attribute that its name says, of whatever it is called with."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                if guard.tables.interpreter_name(self.dest) or self.dest in guard.tables.targets:
                    guard.require("reflection", f"reads an argument into {self.dest}")

            def __call__(self, parser: Any, namespace: Any, *args: Any, **kwargs: Any) -> None:
                check_target(namespace)
                super().__call__(parser, namespace, *args, **kwargs)

        Action.__name__ = Action.__qualname__ = kind.__name__
        return Action

    class Checked(argparse.ArgumentParser):
        """Reads arguments that it is given, and none of this process."""

        def __init__(self, prog: str | None = None, *args: Any, **kwargs: Any) -> None:
            # The default is the name of the host's program.
            super().__init__(prog or "program", *args, **kwargs)
            # Groups of arguments share this table, so what they add is checked too.
            for name, action in [*self._registries["action"].items()]:
                self.register("action", name, checked_action(action))

        def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
            if args is None:
                return self._without_arguments(namespace)
            if namespace is not None:
                check_target(namespace)
            return super().parse_known_args(args, namespace)

        def _without_arguments(self, namespace: Any) -> Any:
            """Read no arguments at all: also those that a command line must have are at their defaults."""
            every: list[Any] = [*self._actions, *self._mutually_exclusive_groups]
            asked = [item for item in every if item.required]
            try:
                for item in asked:
                    item.required = False
                return self.parse_known_args([], namespace)
            finally:
                for item in asked:
                    item.required = True

        def _parse_known_args(self, args: Any, namespace: Any, *more: Any) -> Any:
            check_target(namespace)
            return super()._parse_known_args(args, namespace, *more)

        def exit(self, status: int = 0, message: str | None = None) -> Any:
            guard.require("process", "ends this process")
            super().exit(status, message)

    class ArgumentParser(Checked):
        """What the bundle gets: ``super(ArgumentParser, parser)`` finds the checks all the same."""

    ArgumentParser.__module__, ArgumentParser.__qualname__ = "argparse", "ArgumentParser"
    return ArgumentParser
