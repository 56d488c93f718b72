"""Find the callee of a call and compare its arguments, as shared by all rules about calls."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from gate.names.hints.file_modes import WrongArgument
from gate.names.hints.library_arguments import LibraryArguments
from gate.names.hints.load_dump import FAMILY, READS_OR_WRITES
from gate.names.infer.calls import Misfit, class_of, misfit, misspelt_keywords, signature_of, spread_out
from gate.names.infer.engine import Engine
from gate.names.infer.values import Class, ClassValue, FunctionValue, ModuleValue, Partial, Value, Values
from gate.names.report.candidates import FileDiagnostics, UnlessDefinedIn
from gate.names.resolve.modules import Module
from gate.names.rules.lookups import is_super_uncalled
from gate.names.syntax.nodes import is_stub, last_name
from gate.names.syntax.source import Scope

_SPECIFIC_FIRST = ("keyword", "twice", "self", "many", "missing")
"""The kinds of mismatches of a call, most specific first."""
_NO_ARGUMENTS = ast.Call(func=ast.Name(id=""), args=[], keywords=[])


@dataclass(frozen=True, slots=True)
class Typo:
    """A keyword that only `**kwargs` accepts, although a parameter has nearly the same name."""

    node: ast.keyword
    shown: str
    accepted: tuple[str, ...]
    unless_defined_in: UnlessDefinedIn


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The most specific reason why a call fits no definition of its callee."""

    reason: Misfit
    shown: str
    """The callee as shown in a message."""
    accepted: frozenset[str]
    """The keywords that would be accepted instead of a wrong one."""
    count: int
    """The number of positional arguments."""


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call and what is wrong with it."""

    callees: Values = None
    """All possible callees."""
    owners: Values = None
    """The values in which the function is looked up, if it is an attribute."""
    shown: str = ""
    module: Module | None = None
    """The module in which the function is looked up."""
    argument: WrongArgument | None = None
    """An argument of a kind that the function doesn't take, whichever rule reports it."""
    mismatch: Mismatch | None = None
    typos: tuple[Typo, ...] = ()

    @property
    def callee(self) -> Value | None:
        """The callee if there is only one candidate, else None."""
        return self.callees[0] if self.callees and len(self.callees) == 1 else None


class Calls:
    """Checks each call in one file."""

    def __init__(self, engine: Engine, diagnostics: FileDiagnostics) -> None:
        """The positions of keywords that are certainly correct are added to `diagnostics`."""
        self._engine = engine
        self._diagnostics = diagnostics
        self._library = LibraryArguments(engine)
        self._last: tuple[ast.Call | None, CheckedCall] = None, CheckedCall()

    def checked(self, node: ast.Call, scope: Scope) -> CheckedCall:
        """Return the callee of a call and what is wrong with the call."""
        if self._last[0] is not node:
            self._last = node, self._checked(node, scope)
        return self._last[1]

    def _checked(self, node: ast.Call, scope: Scope) -> CheckedCall:
        if is_super_uncalled(node.func, scope):
            return CheckedCall()
        callees = self._engine.infer(node.func, scope)
        owners = self._engine.infer(node.func.value, scope) if isinstance(node.func, ast.Attribute) else None
        if not callees or len(callees) != 1:
            return CheckedCall(callees, owners)
        shown = ast.unparse(node.func)
        shown = shown if len(shown) < 60 else shown.rpartition(".")[2]
        module = None
        match owners:
            case [ModuleValue(name=name)]:
                module = self._engine.modules.module(name)
        argument = self._library.wrong(node, callees[0], scope)
        if argument is not None:
            return CheckedCall(callees, owners, shown, module, argument)
        return self._compared(node, CheckedCall(callees, owners, shown, module), callees[0], scope)

    def _compared(self, node: ast.Call, checked: CheckedCall, callee: Value, scope: Scope) -> CheckedCall:
        """Compare the arguments with the parameters, and return the completed result."""
        mismatch = self._of_plain_class(node, checked, callee, scope)
        typos: list[Typo] = []
        for call, function, shown, is_complete in self._comparisons(node, callee, checked.shown, scope):
            signature = signature_of(self._engine, function, call, scope)
            if signature is None:
                continue
            typos += _typos(signature, call, shown)
            self._note_accepted(call, signature)
            reasons = self._misfits(signature, call, scope, is_complete=is_complete)
            is_template = self._is_template(signature) and not self._is_exact(function, checked, node, scope)
            if reasons and not is_template and mismatch is None:
                mismatch = _most_specific(reasons, call, shown)
        return CheckedCall(
            checked.callees, checked.owners, checked.shown, checked.module, None, mismatch, tuple(typos)
        )

    def _of_plain_class(
        self, node: ast.Call, checked: CheckedCall, callee: Value, scope: Scope
    ) -> Mismatch | None:
        """Return the mismatch if arguments are passed to a class without a constructor, else None."""
        call = spread_out(node)
        positional = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
        words = [word for word in call.keywords if word.arg]
        if not isinstance(callee, ClassValue) or callee.of.origin != "project" or not (positional or words):
            return None
        if not self._is_exact(callee, checked, node, scope):
            return None
        if not self._engine.construction.takes_nothing(callee.of):
            return None
        reason = Misfit("many") if positional else Misfit("keyword", words[0].arg or "", words[0])
        return Mismatch(reason, checked.shown, frozenset(), len(positional))

    def _comparisons(
        self, node: ast.Call, callee: Value, shown: str, scope: Scope
    ) -> list[tuple[ast.Call, Value, str, bool]]:
        """Return the calls to compare: arguments, callee, its name in messages, and whether the arguments are
        complete.
        """
        if isinstance(callee, Partial):
            return [(callee.joined(node), callee.of, shown, True)]
        if isinstance(callee, ClassValue) and is_partial(callee.of):
            return [
                (value.joined(_NO_ARGUMENTS), value.of, ast.unparse(node.args[0]), False)
                for value in self._engine.infer(node, scope) or ()
                if isinstance(value, Partial)
            ]
        return [(node, callee, shown, True)]

    def _misfits(
        self, signature: FunctionValue, call: ast.Call, scope: Scope, *, is_complete: bool
    ) -> list[Misfit]:
        """Return why a call fits no definition of a function, or [] if it fits one.

        If the call isn't complete, a later call may pass the missing arguments.
        """
        reasons = [
            reason
            for definition in signature.definitions
            if (reason := misfit(self._engine, signature, definition, call, scope)) is not None
        ]
        cls = class_of(signature.bound)
        names = {signature.definitions[0].name, last_name(call.func), cls.name if cls is not None else ""}
        if any(map(self._engine.project.changes_signature, names)):
            return []
        # If only the kind of an argument doesn't fit, as with another overload, it is not a matter of names.
        fits = len(reasons) < len(signature.definitions) or any(
            reason.kind == "value" or (reason.kind == "missing" and not is_complete) for reason in reasons
        )
        return [] if fits else reasons

    def _note_accepted(self, call: ast.Call, signature: FunctionValue) -> None:
        is_library = signature.scope.source.origin == "library"
        for definition in signature.definitions:
            arguments = definition.args
            names = {parameter.arg for parameter in (*arguments.args, *arguments.kwonlyargs)}
            for word in call.keywords:
                if word.arg in names or (is_library and arguments.kwarg):
                    self._diagnostics.resolved.add((word.lineno, word.col_offset + 1))

    def _is_template(self, signature: FunctionValue) -> bool:
        """Return whether a method only exists to be overridden, possibly with other parameters."""
        if not any(map(is_stub, signature.definitions)):
            return False
        name, cls = signature.definitions[0].name, class_of(signature.bound)
        if name == "__init__" and cls is not None and self._engine.construction.is_generated(cls):
            # Subclasses get generated constructors of their own.
            return cls.name in self._engine.project.bases
        return self._engine.classes.is_overridden(name, signature)

    def _is_exact(self, callee: Value, checked: CheckedCall, node: ast.Call, scope: Scope) -> bool:
        """Return whether a class is called by its own name, so that the callee can't be a subclass."""
        if not isinstance(callee, ClassValue):
            return False
        if isinstance(node.func, ast.Name):
            bound = scope.lookup(node.func.id)
            return bound is not None and all(binding.how in {"class", "member"} for binding in bound[0])
        return checked.module is not None


def _typos(signature: FunctionValue, call: ast.Call, shown: str) -> list[Typo]:
    unless: UnlessDefinedIn = "" if signature.scope.source.origin == "library" else "anywhere"
    return [
        Typo(typo.node, shown, typo.taken, unless)
        for typo in misspelt_keywords(signature, call)
        if typo.node is not None
    ]


def _most_specific(reasons: Sequence[Misfit], call: ast.Call, shown: str) -> Mismatch:
    """Return the most specific reason why a call fits no overload."""
    reason = min(reasons, key=lambda reason: _SPECIFIC_FIRST.index(reason.kind))
    accepted = frozenset(name for same in reasons if same.name == reason.name for name in same.taken)
    return Mismatch(reason, shown, accepted, len(spread_out(call).args))


def is_partial(cls: Class) -> bool:
    """Return whether a class is `functools.partial`."""
    return cls.name == "partial" and cls.origin == "library"


def serialization_of(callee: object) -> tuple[str, str] | None:
    """Return the module and name of a `load`, `loads`, `dump`, or `dumps`, or None for any other callee."""
    if not isinstance(callee, FunctionValue):
        return None
    module = callee.scope.source.name.partition(".")[0].removeprefix("_")
    name = callee.definitions[0].name
    return (module, name) if module in FAMILY and name in READS_OR_WRITES else None
