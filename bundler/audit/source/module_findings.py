"""What one module was found to do, and what is a finding only by what the rest of the bundle does."""

from __future__ import annotations

import ast

from bundler.audit.finding import Finding, Held, Rule
from bundler.audit.source import rules
from bundler.audit.source.own_classes import OwnClasses
from bundler.audit.source.scopes import Scope

#: In place of a method that something else may be handed to.
ANY = "*"


class ModuleFindings:
    """The findings of one module."""

    def __init__(self, member: str, classes: OwnClasses) -> None:
        self.member = member
        self.classes = classes
        self.found: dict[tuple[str, int | None, str], Finding] = {}
        #: Distributions that the module imports, by where.
        self.used: dict[str, int] = {}
        #: What methods do to their own object that they may not do to another, by the method; and methods that are
        #: called on, or handed, an object that is not the class's own.
        self.own_calls: list[tuple[str, Finding]] = []
        self.unbound: set[str] = set()
        #: What counts only where the bundle also has what it would be done to, by a mark for that; and the marks that
        #: this module has: `fields` of dataclasses, classes of `layers` that are called in sight, `compares`, `vars`.
        self.pending: list[tuple[str, Finding]] = []
        self.marked: set[str] = set()

    def finding(self, rule: Rule, node: ast.AST, what: str, *, hard: bool = False) -> Finding:
        """Return a finding of this module; a `hard` one is held at load, any other where it is used."""
        held = Held.LOAD if hard else Held.USE
        return rule.at(self.member, what, line=getattr(node, "lineno", None), held=held)

    def report(self, rule: Rule, node: ast.AST, scope: Scope, what: str, *, hard: bool = False) -> None:
        """Record a finding, with when it happens."""
        self.keep(what, self.finding(rule, node, f"{what}; {when(scope)}", hard=hard))

    def keep(self, what: str, finding: Finding) -> None:
        """Keep one of the findings that say the same of a line; a hard one, if there is any."""
        key = (finding.rule.id, finding.line, what)
        if key not in self.found or finding.held is Held.LOAD:
            self.found[key] = finding

    def sink(self, capability: str, node: ast.AST, scope: Scope, what: str, *, hard: bool = False) -> None:
        """Record that the module has a use for `capability`."""
        self.report(rules.OF_CAPABILITY[capability], node, scope, what, hard=hard)

    def later(self, mark: str, capability: str, node: ast.AST, what: str, *, hard: bool = False) -> None:
        """Record what is a finding where the bundle has what `mark` stands for."""
        self.pending.append((mark, self.finding(rules.OF_CAPABILITY[capability], node, what, hard=hard)))

    def own(self, node: ast.AST, scope: Scope, capability: str, what: str, *, hard: bool = False) -> None:
        """Record what a method may do to its own object, and to no other.

        A function in a method's decorator or without a class around has no object of its own, but then `scope` binds
        no ``self`` either; a decorated method is taken as one that anything may be handed to.
        """
        finding = self.finding(rules.OF_CAPABILITY[capability], node, what, hard=hard)
        self.own_calls.append((self.classes.method_around(scope) or ANY, finding))


def when(scope: Scope) -> str:
    """Return when what stands in `scope` happens, for a finding."""
    paths = (around.path for around in scope.chain() if around.kind == "function")
    inside = next((path for path in paths if "<" not in path.rpartition(".")[2]), None)
    return f"runs in {inside}" if inside is not None else "runs while the module is imported"
