"""The command line: parsing only. What costs time to import is imported in the bodies of the commands."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from cluster.cli.jobs import COMMANDS
from cluster.cli.options import CODE, JSON, ON, OVERRIDES, SPEC, SWEEP, as_overrides, setting, showing, shown
from cluster.exit_codes import FAILED, FINISHED, INTERRUPTED

GARBAGE_AFTER = 100_000
"""Objects made before Python looks for garbage: at its own limit, imports are looked through over and over."""


class InOrder(click.Group):
    """Lists its commands in the order in which they are met."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As defined below."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="paceline")
def paceline() -> None:
    """Hyperparameter search and distributed training: one YAML file, laptop to cluster.

    ID is a sweep's id, an unambiguous beginning of one, or `last` (the default).
    """


@paceline.command()
@setting
@showing
def demo(**flags: Any) -> int:
    """Run a small sweep, in under a minute."""
    from cluster.cli.commands.run import demo

    options = shown(flags)
    return demo(as_overrides(**flags), options)


@paceline.command()
@click.argument("workload", required=False)
@click.option("--data", type=click.Choice(["table", "image", "text", "series"]), help="The kind of data it is for.")
@click.option("-o", "--output", default="sweep.yaml", show_default=True, type=click.Path(dir_okay=False))
def init(workload: str | None, data: str | None, output: str) -> int:
    """Write a commented spec that runs as it is."""
    from cluster.cli.commands.spec import init

    return init(workload, data, output)


@paceline.command()
@SPEC
@OVERRIDES
@JSON
def check(spec: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Tell all faults of SPEC, or what it would run."""
    from cluster.cli.commands.spec import check

    return check(spec, overrides, as_json)


@paceline.command()
@SPEC
@OVERRIDES
@setting
@click.option("--dry-run", is_flag=True, help="Show what would run, and run nothing.")
@ON
@CODE
@showing
def run(
    spec: str, overrides: tuple[str, ...], dry_run: bool, on: str | None, code: str | None, **flags: Any
) -> int:
    """Run the sweep that SPEC describes, here or (--on) on a cluster.

    KEY=VALUE overrides a key of it, as in `parameters.dropout.max=0.3`; flags win over both.
    """
    options = shown(flags)
    overrides = (*overrides, *as_overrides(**flags))
    if dry_run:
        from cluster.cli.commands.spec import check

        return check(spec, overrides, options.as_json)
    from cluster.cli.commands.on_target import chosen, run_on

    if (place := chosen(on)) is not None:
        return run_on(spec, overrides, place, code)  # type: ignore[arg-type] # checked by click
    from cluster.cli.commands.run import run

    return run(spec, overrides, options)


for command in COMMANDS:
    paceline.add_command(command)


@paceline.command()
@ON
@JSON
def ls(on: str | None, as_json: bool) -> int:
    """List sweeps: here, submitted, in MLflow."""
    from cluster.cli.commands.list import ls
    from cluster.cli.commands.on_target import chosen

    return ls(as_json, chosen(on))


@paceline.command()
@SWEEP
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Trials to list.")
@JSON
def show(sweep: str, top: int, as_json: bool) -> int:
    """Show best trials, verdict, cost, troubles."""
    from cluster.cli.commands.show import show

    return show(sweep, top, as_json)


@paceline.command()
@SWEEP
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the configuration to this YAML file.")
@JSON
def best(sweep: str, output: str | None, as_json: bool) -> int:
    """Print the best configuration of a sweep."""
    from cluster.cli.commands.show import best

    return best(sweep, output, as_json)


@paceline.command()
@SWEEP
@click.argument("file", type=click.Path(dir_okay=False))
def export(sweep: str, file: str) -> int:
    """Write a sweep's champion to an ONNX file."""
    from cluster.cli.commands.serve import export

    return export(sweep, file)


@paceline.command()
@SWEEP
@click.option("--port", type=click.IntRange(0, 65535), default=5000, show_default=True)
def ui(sweep: str, port: int) -> int:
    """Serve MLflow's UI; print the link to a sweep."""
    from cluster.cli.commands.serve import ui

    return ui(sweep, port)


@paceline.command()
@click.option("--full", is_flag=True, help="Also start a local Ray.")
@ON
@CODE
@JSON
def doctor(full: bool, on: str | None, code: str | None, as_json: bool) -> int:
    """Check this machine, or (--on) a cluster."""
    from cluster.cli.commands.on_target import chosen, doctor_on

    if (place := chosen(on)) is not None:
        return doctor_on(place, code, as_json)  # type: ignore[arg-type] # checked by click
    from cluster.doctor.report import doctor

    return doctor(full, as_json)


@paceline.command()
def schema() -> int:
    """Print the JSON Schema of a spec."""
    from cluster.cli.commands.spec import schema

    return schema()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code. With ``argv`` None this process is the command's own."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    here = os.getcwd()  # noqa: PTH109 - pathlib costs 5 ms here
    if here not in sys.path:
        sys.path.append(here)  # for `workload: package.module:NAME`; last, so that it cannot shadow a package
    if argv is None:
        gc.set_threshold(GARBAGE_AFTER)
    code = _run(argv)
    if argv is None:
        _leave(code)
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        code = paceline.main(args=None if argv is None else list(argv), prog_name="paceline", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        print(error.message, file=sys.stderr)  # as it is: the faults of a spec begin with their place
        return error.exit_code
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        if argv is not None:
            raise
        return _broken()
    return FINISHED if code is None else int(code)


def _broken() -> int:
    """Prints the traceback as Python would, but for the passwords that stores' errors carry."""
    import traceback

    from search_spaces.types.passwords import masked

    sys.stderr.write(masked(traceback.format_exc()))
    return FAILED


def _leave(code: int) -> None:
    """Ends a process that has a Ray of its own, and Ray's processes, at once: its own farewell takes 2 s.

    Any other is left to end by itself.
    """
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        import psutil

        from cluster.sweep.stop import kill_tree

        kill_tree(psutil.Process(), code)
    gc.freeze()  # a last look for garbage would take a tenth of a short command's time


if __name__ == "__main__":
    sys.exit(main())
