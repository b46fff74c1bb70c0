"""Small faults that somebody could have made, put into a module one at a time.

A mutant differs from the source in one place: an operator, a comparison at its bound, a condition
turned round, a number, a truth, one of a pair of names that are easily confused (first and last,
left and right, min and max), a returned value left out, or a statement left out. Words of messages,
annotations and decorators are left alone: no number depends on them.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
}  # fmt: skip
COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_PAIRS = (
    "left right", "first last", "min max", "argmin argmax", "any all", "minimum maximum",
    "lstrip rstrip", "sum prod", "isna notna", "cummin cummax", "floor ceil", "desc asc",
)  # fmt: skip
CONFUSED = {one: other for a, b in map(str.split, _PAIRS) for one, other in ((a, b), (b, a))}
CONFUSED |= {"fmax": "fmin"}
SKIPPED = (ast.JoinedStr, ast.Raise)  # what messages are made of


@dataclass(frozen=True)
class Mutant:
    """A module with one fault.

    Attributes
    ----------
    words : function, and what its code said before and says now; the same after lines have moved
    line : of the original
    source : of the whole module
    """

    words: str
    line: int
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in its order; none that says the same as the module."""
    tree = ast.parse(source)
    original = ast.unparse(tree)
    for function, shown, line, make, undo in _places(tree):
        before = _brief(shown)
        make()
        after, mutated = _brief(shown), ast.unparse(ast.fix_missing_locations(tree))
        undo()
        if mutated != original:
            yield Mutant(f"{function}: {before} -> {after}", line, mutated)


def _brief(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        return f"if {_brief(node.test)}"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:87]}..."


def _places(tree: ast.Module) -> Iterator[tuple[str, ast.AST, int, Callable, Callable]]:
    """Function, the code to show, its line, and how to change it and back."""

    def walk(node: ast.AST, function: str, shown: ast.AST) -> Iterator:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = node.name if function == "module" else f"{function}.{node.name}"
        if (
            isinstance(node, ast.expr | ast.keyword)
            and not isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.Starred)
        ) or (isinstance(node, ast.stmt) and not hasattr(node, "body")):
            shown = node
        for make, undo in _changes(node):
            yield function, shown, getattr(shown, "lineno", 1), make, undo
        for name, child in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "bases"):
                continue
            if not isinstance(child, list):
                child = [child]
            for number, one in enumerate(child):
                if isinstance(one, ast.stmt):
                    yield from _left_out(node, name, number, one, function)
                if isinstance(one, ast.AST) and not isinstance(one, SKIPPED):
                    yield from walk(one, function, shown if isinstance(one, ast.expr) else one)

    yield from walk(tree, "module", tree)


def _changes(node: ast.AST) -> Iterator[tuple[Callable, Callable]]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield _swap(node, "op", OPERATORS[type(node.op)]())
    if isinstance(node, ast.BoolOp):
        yield _swap(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.Compare):
        for number, op in enumerate(node.ops):
            yield _swap(node.ops, number, COMPARISONS[type(op)]())
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield _swap(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        yield _swap(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not())
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield _swap(node, "value", not node.value)
        elif isinstance(node.value, int):
            yield _swap(node, "value", node.value + 1)
        elif isinstance(node.value, float):
            yield _swap(node, "value", node.value * 2 or 1.0)
        elif node.value in CONFUSED:
            yield _swap(node, "value", CONFUSED[node.value])
    if isinstance(node, ast.Attribute) and node.attr in CONFUSED:
        yield _swap(node, "attr", CONFUSED[node.attr])
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in CONFUSED:
        yield _swap(node, "id", CONFUSED[node.id])
    if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
        yield _swap(node, "value", ast.Constant(None))
    if isinstance(node, ast.Slice) and node.step is not None:
        yield _swap(node, "step", None)


def _left_out(
    parent: ast.AST, name: str, number: int, statement: ast.stmt, function: str
) -> Iterator:
    """A statement whose absence would not be an error of its own at once."""
    stored = isinstance(statement, ast.Assign) and not isinstance(statement.targets[0], ast.Name)
    called = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Yield)
    if (
        stored
        or called
        or isinstance(statement, ast.AugAssign | ast.Raise | ast.Continue | ast.Break)
    ):
        holder = _Shown(statement)
        make, undo = _swap(getattr(parent, name), number, ast.Pass())
        yield (
            function, holder, statement.lineno,
            lambda: (make(), holder.leave_out()), lambda: (undo(), holder.put_back()),
        )  # fmt: skip


class _Shown(ast.Module):
    """A statement by itself, to be shown as it is and left out."""

    def __init__(self, statement: ast.stmt) -> None:
        super().__init__(body=[statement], type_ignores=[])
        self.statement = statement

    def leave_out(self) -> None:
        self.body = [ast.Pass()]

    def put_back(self) -> None:
        self.body = [self.statement]


def _swap(holder: object, place: str | int, other: object) -> tuple[Callable, Callable]:
    if isinstance(holder, list):
        before = holder[place]
        return lambda: holder.__setitem__(place, other), lambda: holder.__setitem__(place, before)
    before = getattr(holder, place)
    return lambda: setattr(holder, place, other), lambda: setattr(holder, place, before)
