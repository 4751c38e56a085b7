"""The commands and their options, from click; the exit codes, from their module."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

import click

from cluster import exit_codes
from cluster.cli.main import paceline
from tests.docs.markdown import code, prose, sentence, table


def commands() -> str:
    """A section a command: how it is typed, what it does, its options."""
    context = click.Context(paceline)
    known = {name: paceline.get_command(context, name) for name in paceline.list_commands(context)}
    overview = table(
        ("command", "what it does"),
        [[f"[`paceline {name}`](#paceline-{name})", _summary(one)] for name, one in known.items() if one],
    )
    return "\n\n".join([overview, *(_section(name, one) for name, one in known.items() if one)])


def _summary(command: click.Command) -> str:
    return prose((command.help or "").split("\n\n")[0])


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"paceline {name}")
    typed = " ".join(["paceline", name, *command.collect_usage_pieces(context)])
    parts = [f"## paceline {name}", prose(command.help or ""), f"```text\n{typed}\n```"]
    rows = [_row(option) for option in command.params if isinstance(option, click.Option)]
    return "\n\n".join([*parts, table(("option", "meaning"), rows)] if rows else parts)


def _row(option: click.Option) -> list[str]:
    metavar = option.make_metavar(click.Context(click.Command(""))).replace(" RANGE", "").replace("|", " or ")
    value = "" if option.is_flag else f" {metavar}"
    shown = option.show_default and option.default is not None
    told = [sentence(option.help or ""), f"Default: {code(option.default)}." if shown else ""]
    return [", ".join(code(name + value) for name in option.opts), " ".join(filter(None, told))]


def codes() -> str:
    """Each exit code with what its docstring says."""
    meanings = attribute_docs(exit_codes)
    rows = [[code(getattr(exit_codes, name)), sentence(text)] for name, text in meanings.items()]
    return table(("code", "meaning"), rows)


def attribute_docs(module: ModuleType) -> dict[str, str]:
    """The module's constants, in their order, with the docstring below each ("" where there is none)."""
    body, found = ast.parse(inspect.getsource(module)).body, {}
    for statement, after in zip(body, [*body[1:], None], strict=True):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and target.id.isupper():
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            found[target.id] = str(after.value.value) if told else ""  # type: ignore[union-attr]
    return found
