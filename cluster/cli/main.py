"""Parses the command line and calls the command. Slow modules are imported in the bodies of the commands only."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

import click

from cluster.doctor.proxies import reach_this_machine_directly
from cluster.exit_codes import FAILED, FINISHED, INTERRUPTED
from cluster.terminal.standard_streams import open_standard_streams
from search_spaces.types.module_path import working_folder_last

GARBAGE_AFTER = 100_000
"""Number of new objects that starts a garbage collection: Python's default collects many times during imports."""

COMMANDS = {
    "demo": ("run", "Run a small sweep, in under a minute."),
    "init": ("starting.init", "Write a commented spec that runs as it is."),
    "import": ("starting.imported", "Write the sweep file that FILE of another tool means."),
    "check": ("spec", "Validate a sweep file and preview the sweep."),
    "simulate": ("simulate", "Run the search of SPEC on recorded learning curves, to choose a schedule."),
    "data": ("data", "Show the data of SPEC as trials will see it."),
    "run": ("run", "Run the sweep that SPEC describes, here or (--on) on a cluster."),
    "submit": ("on_target", "Submit the sweep of SPEC to a cluster and return."),
    "status": ("on_target", "Show a submitted sweep's state."),
    "logs": ("logs", "Show what trials printed, or a submitted sweep's log."),
    "wait": ("on_target", "Wait until a submitted sweep ends."),
    "resume": ("run", "Continue a sweep, or give it more trials, or a larger budget."),
    "edit": ("edit", "Change the space, or the limits, of a sweep that has begun."),
    "repair": ("repair", "Make a damaged sweep whole; end its runs that no one drives."),
    "stop": ("stop_and_ui", "Stop a running sweep, or single trials of it; `resume` continues it."),
    "pause": ("steer", "Pause trials of a running sweep, with everything saved."),
    "boost": ("steer", "Train trials of a running sweep to the end, before others."),
    "lanes": ("steer", "Train on N workers from now on, while the sweep runs."),
    "ls": ("list", "List sweeps: here, submitted, in MLflow."),
    "show": ("show", "Show best trials, final evaluation, cost, failures."),
    "diff": ("results.diff", "Show what differs between two trials, of one sweep or of two."),
    "report": (
        "results.report",
        "Draw a sweep as one HTML page: final evaluation, history, curves, hyperparameters, time, failures, data.",
    ),
    "compare": (
        "results.compare",
        "Compare the champions of sweeps, or within one sweep the values of a hyperparameter.",
    ),
    "best": ("show", "Print the champion's configuration, or before there is one the recommended."),
    "predict": ("models.predict", "Predict the rows of FILE by the sweep's registered champion."),
    "serve": (
        "models.serve",
        "Serve the champion's predictions over HTTP, by MLflow's scoring server or by Ray Serve.",
    ),
    "export": (
        "models.export",
        "Write a sweep's champion to a file, or of a text encoder to a folder, and check that it agrees.",
    ),
    "promote": ("models.promote", "Make the sweep's registered model the champion of its name in MLflow."),
    "ui": ("stop_and_ui", "Serve MLflow's UI; print the link to a sweep."),
    "doctor": ("on_target", "Check this machine, or (--on) a cluster."),
    "explain": (
        "results.explain",
        "Explain a word: what it means, its keys, its names, what to try.",
    ),
    "workloads": ("workloads", "List workloads, or describe WORKLOAD: its data, metrics and hyperparameters."),
    "schema": ("spec", "Print the JSON Schema of a spec."),
}
"""Module in ``cluster.cli.commands`` and summary of each command, in the order of `paceline --help`."""


class Commands(click.Group):
    """Command group that imports a command's module when it is called; `paceline --help` imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"cluster.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` begin with. Raises UsageError with the nearest for an unknown name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from search_spaces.types.faults import nearest  # 5 ms: difflib

            if args[0] not in COMMANDS and (close := nearest(args[0], COMMANDS)):
                raise click.UsageError(f"{error.message} Did you mean {close!r}?", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from ``COMMANDS``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="paceline")
def paceline() -> None:
    """Hyperparameter search and distributed training: one YAML file, laptop to cluster.

    ID is a sweep's id, an unambiguous beginning of one, its name, or `last` (the default).
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    With ``argv`` None the arguments are ``sys.argv``, errors are printed with passwords masked, and a process that
    has started a Ray ends here.
    """
    open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    reach_this_machine_directly()
    working_folder_last()  # for `workload: package.module:NAME`
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
        print(error.message, file=sys.stderr)  # unchanged: the faults of a spec begin with their place
        return error.exit_code
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        from cluster.doctor.surroundings import sentence

        if said := sentence(error):
            print(said, file=sys.stderr)
            return FAILED
        if argv is not None:
            raise
        return _broken()
    return FINISHED if code is None else int(code)


def _broken() -> int:
    """Print the current traceback with passwords masked, as stores' errors may hold URLs with one."""
    import traceback

    from search_spaces.types.passwords import masked

    sys.stderr.write(masked(traceback.format_exc()))
    return FAILED


def _leave(code: int) -> None:
    if "ray" in sys.modules:
        from cluster.sweep.stop import leave

        leave(code)
    gc.freeze()  # Python's last garbage collection would take a tenth of a short command's time


if __name__ == "__main__":
    sys.exit(main())
