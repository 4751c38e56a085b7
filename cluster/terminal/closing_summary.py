"""Prints the summary of a sweep: best trials, importance, final evaluation, failures, and commands to type next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from cluster.terminal import baseline_lines, formatting, live_lines
from cluster.terminal.changed_values import as_shown
from cluster.terminal.comparing.frames import own_frames
from cluster.terminal.criteria import front_lines, infeasible_lines
from cluster.terminal.ending import outcome
from cluster.terminal.ending.wrapping import wrapped
from cluster.terminal.knowledge_lines import cache_lines, edit_line, warm_start_line
from cluster.terminal.leaderboard import leaderboard
from cluster.terminal.leaderboard import ranked as board_of
from cluster.terminal.live_lines import Title
from cluster.terminal.recommended_lines import words
from cluster.terminal.records import Snapshot, Trouble, ranked
from cluster.terminal.verdict import overfitted, seeds_in_common, unpredicted
from search_spaces.types.files.kept_code import name_shown
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from tracking.results.trial_zero import is_only, moved, names

NAMED_SHARES, OTHER_MESSAGES = 6, 3
BAR_WIDTH = 30
VALUE_WIDTH = 8
"""Least width of the values of the final evaluation."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Content of the summary; ``document`` is the one of ``--json``."""

    title: Title
    document: Mapping[str, Any]
    snapshot: Snapshot
    troubles: Sequence[Trouble]
    next: Sequence[tuple[str, str]]
    """Commands to type next, each with its purpose."""
    num_given_up: int = 0
    """Number of trials that failed after their last retry; those that diverged or cannot work do not count."""
    max_failed_trials: int | None = None
    """Number of those that may be; None where that is not known."""


def show(ending: Ending, console: Console, top: int = 5) -> None:
    """Print the summary with the best ``top`` trials. Tables fit the console; links and tracebacks are not cut."""
    for block in (
        [_head(ending)],
        _table(ending, console.width, top),
        front_lines(ending.document.get("pareto_front")),
        importance_lines(ending.document.get("importance"), ending.title.objective.name),
        _known(ending.document),
        outcome.leak_lines(ending.document.get("leaks", ())),
        verdict_lines(ending.document.get("verdict"), ending.title.objective),
        no_verdict_lines(ending.document.get("no_verdict")),
        _too_many(ending),
        _troubles(ending.troubles),
        infeasible_lines(ending.document.get("constraints"), ending.document["state"] == "failed"),
        outcome.not_kept_lines(ending.document.get("not_kept")),
        _closing(ending),
    ):
        for line in block:
            for part in wrapped(line, console):
                console.print(part, soft_wrap=True, highlight=False, markup=False)
        if block:
            console.print()


def next_commands(document: Mapping[str, Any], can_grow: bool = False) -> list[tuple[str, str]]:
    """Return useful next commands for the sweep of ``document``, each with its purpose.

    ``can_grow`` says whether a finished sweep may get more trials.
    """
    sweep, state, look = document["sweep"], document["state"], []
    if (document.get("tracking") or {}).get("url"):
        look.append((f"paceline ui {sweep}", "leaderboard and charts in a browser"))
    if document.get("best"):
        look.append((f"paceline report {sweep} --open", "one page: final evaluation, curves, timeline"))
        look.append((f"paceline best {sweep} -o best.yaml", "the best configuration as a file"))
    if (document.get("best") or {}).get("files"):
        look.append((f"paceline best {sweep} --files DIR", "what the best trial saved"))
    if state in ("finished", "failed"):
        more = [(f"paceline resume {sweep} --trials +20", "continues with 20 more trials")] if can_grow else []
        return [*look, (f"paceline show {sweep} --top 20", "more of this table"), *more]
    if state == "running":
        return [*look, (f"paceline stop {sweep}", "ends it cleanly")]
    return [(f"paceline resume {sweep}", "continues where it stopped"), *look]


def _head(ending: Ending) -> Text:
    snapshot, title = ending.snapshot, ending.title
    if not snapshot.rows and ending.document["state"] == "running":
        return Text().append(title.label, "bold").append(" is starting: it has no trial yet")
    counts = ", ".join(f"{number} {word}" for _, word, number in formatting.states(snapshot.rows))
    line = Text().append(title.label, "bold").append(f" {ending.document['state']}")
    line.append(f": {formatting.count(len(snapshot.rows), 'trial')}" + (f" ({counts})" if counts else ""))
    line.append(f" in {formatting.duration(snapshot.elapsed_s)}")
    why = ending.document.get("ended_by")
    early = " early" if len(snapshot.rows) < snapshot.num_planned else ""
    return line.append(f"; the search ended{early}: {why}") if why else line


def _table(ending: Ending, width: int, top: int) -> list[Text]:
    snapshot, title = ending.snapshot, ending.title
    rows = as_shown(ranked(snapshot.rows, title.objective)[:top], title.objective)
    known = replace(snapshot, importance=ending.document.get("importance") or {})
    listed = board_of(known, rows, title.objective)
    whole_line = 10_000
    best = live_lines.best_lines(snapshot, title, whole_line)
    board = leaderboard(listed, width)
    return [*board, *_times(board), *([Text(""), *best, *_recommended(snapshot)] if best else [])]


def _times(board: Sequence[Text]) -> list[Text]:
    """Return a line on the two times of a leaderboard, where it has both."""
    both = board and {"time", "training_s"} <= set(str(board[0]).split())
    told = "training_s: training and validation alone; time: of the worker, also to load, build, save and report"
    return [Text(told, "bright_black")] if both else []


def _recommended(snapshot: Snapshot) -> list[Text]:
    """Return a line on how sure the recommended trial is, where there is one."""
    first = next((row for row in snapshot.rows if row.number == snapshot.best), None)
    known = snapshot.recommended
    return [Text(" " * 16 + words(known, first), "bright_black")] if known else []


def largest(importance: Mapping[str, float]) -> dict[str, float]:
    """Return the ``NAMED_SHARES`` largest shares by hyperparameter, and the others' sum under their number."""
    shares = dict(list(importance.items())[:NAMED_SHARES])
    if len(importance) > len(shares):
        shares[f"{len(importance) - len(shares)} others"] = sum(importance.values()) - sum(shares.values())
    return shares


def importance_lines(importance: Mapping[str, float] | None, metric: str) -> list[Text]:
    """Return a heading, a bar for each of the ``NAMED_SHARES`` most important hyperparameters, one for the others.

    ``importance`` are shares of 1, in order; without any there is no line.
    """
    if not importance:
        return []
    shares = largest(importance)
    width = max(map(len, shares))
    lines = [
        Text(
            f"hyperparameter importance for {metric} (PED-ANOVA: what distinguishes the better half of the trials)",
            "bold",
        )
    ]
    for name, share in shares.items():
        line = Text(f"  {name:<{width}}  ").append(f"{100 * share:3.0f} %  ", "green")
        lines.append(line.append("━" * round(BAR_WIDTH * share), "magenta"))
    return lines


def verdict_lines(verdict: Mapping[str, Any] | None, objective: Objective) -> list[Text]:
    """Return champion, defaults and their difference on the test split, and what that means in words."""
    if not verdict:
        return []
    lines = [
        Text(f"final evaluation: {verdict['metric']} {_tested_on(verdict)}", "bold"),
        *_measured_lines(verdict, objective),
    ]
    lines += _finalist_lines(verdict)
    lines += [Text(f"  {said}") for said in _reasons(verdict) if said]
    warned, said = warnings(verdict, objective), judgement(verdict, objective)
    lines += [Text(f"  {text}") for text in baseline_lines.sentences(verdict) if text not in warned]
    lines += [Text(f"  {text}", "bold red") for text in warned]
    return [*lines, *([] if said in warned else [Text(f"  {said}")])]


def _reasons(verdict: Mapping[str, Any]) -> list[str | None]:
    return [counted(verdict), verdict.get("why"), moved_words(verdict), overfitted.sentence(verdict)]


def no_verdict_lines(why: str | None) -> list[Text]:
    """Return a line on why there is no verdict; none where there is one, or none was to be had."""
    return [Text(f"no final evaluation: {why}")] if why else []


def _tested_on(verdict: Mapping[str, Any]) -> str:
    """Return on what the finalists are judged: of users' own test data Paceline knows nothing."""
    own = verdict.get("tested_by")
    return (
        f"as {name_shown(own)} measures it, on test data of its own"
        if own
        else "on the test split, which the search never saw"
    )


def _measured_lines(verdict: Mapping[str, Any], objective: Objective) -> list[Text]:
    """Return a line for champion, trial 0, their difference, and baselines, with their values in one column."""
    rows, zero = [], names(verdict)
    labels = {"winner": "champion"}
    if not is_only(verdict):
        labels |= {"default": zero.label, "difference": zero.difference}
    for name, label in labels.items():
        if not (part := verdict.get(name)):
            continue
        who = trial_name(part["number"]) if "number" in part else ""
        sign = "+" if name == "difference" and part["mean"] is not None and part["mean"] >= 0 else ""
        beside = f"  {_seeds(part['seeds'])}" if "seeds" in part and name != "difference" else ""
        if name == "difference":
            told = (["lower is better"] if objective.ascending else []) + seeds_in_common.words(verdict)
            beside = f"  {', '.join(told)}" if told else ""
        rows.append(
            (label, who, f"{sign}{formatting.measure(part['mean'])}", formatting.interval(part.get("ci95")), beside)
        )
    rows += baseline_lines.rows(verdict)
    width = max([VALUE_WIDTH, *(len(value) for _, _, value, _, _ in rows)])
    return [
        Text(f"  {label:<20}  {who:<5}")
        .append(value.rjust(width), "green")
        .append(f"  {said}")
        .append(beside, "bright_black")
        for label, who, value, said, beside in rows
    ]


def _finalist_lines(verdict: Mapping[str, Any]) -> list[Text]:
    """Return a line for each finalist with its values of search, validation and test, and its failed seeds."""
    found = verdict.get("finalists") or ()
    values = [
        [formatting.measure(value) for value in (one["search_value"], one["validation_mean"], one["test"]["mean"])]
        for one in found
    ]
    widths = [max(map(len, column)) for column in zip(*values, strict=True)]
    lines, default = [], names(verdict).role
    for one, shown in zip(found, values, strict=True):
        role = "champion" if one["champion"] else default if one["default"] else ""
        line = Text(f"  {trial_name(one['number']):<6}{role:<10}")
        for name, value, width in zip(("search", "validation", "test"), shown, widths, strict=True):
            line.append(f"{name} {value:>{width}}  ")
        line.right_crop(1)  # 80 columns hold values of four digits
        line.append(formatting.interval(one["test"]["ci95"]))
        if failed := one["failed_seeds"]:
            line.append(
                f"  failed with {'seeds' if len(failed) > 1 else 'seed'} {', '.join(map(str, failed))}", "red"
            )
        lines.append(line)
    title = Text("  finalists (search: best value; validation and test: means over the new seeds)", "bright_black")
    return [title, *lines] if lines else []


def moved_words(verdict: Mapping[str, Any]) -> str | None:
    """Return what `require` has moved in the defaults; None where they satisfy it."""
    if not (found := moved(verdict)):
        return None
    name = trial_name(verdict["default"]["number"])
    return f"The defaults do not satisfy require: {name} is the nearest that does ({formatting.settings(found)})."


def counted(verdict: Mapping[str, Any]) -> str | None:
    """Return what the intervals are of."""
    counted = verdict.get("interval") or {}
    if not counted.get("over"):
        return None
    if not counted.get("rows"):
        others = "other test data" if verdict.get("tested_by") else "other test rows"
        return f"95 % intervals over the seeds alone: for {others} they would be wider."
    parts = {
        "rows": "test rows",
        "groups": "groups of test rows",
        "blocks": "blocks of the test split (taken as independent)",
    }
    over = f"{counted['rows']:,} {parts[counted['parts']]}"
    seeds = verdict["winner"]["seeds"]
    if counted["over"] == "rows":
        return f"95 % intervals over {over}, for one seed: other seeds would make them wider."
    return f"95 % intervals over {over} and {_seeds(seeds)}."


def warnings(verdict: Mapping[str, Any], objective: Objective) -> list[str]:
    """Return in sentences where the champion beats no baseline, is worse than the defaults, or misses a class."""
    found, said = baseline_lines.warnings(verdict, objective), judgement(verdict, objective)
    if broken := verdict.get("breaks"):
        found.append(f"The champion breaks a constraint with its new seeds, as every finalist does: {broken}.")
    if _unmoved(verdict):
        found.append("Every seed gave the same value: the code uses no seed, and the intervals say nothing.")
    return [*found, *([said] if "WORSE" in said else []), *unpredicted.warnings(verdict)]


def _unmoved(verdict: Mapping[str, Any]) -> bool:
    """Return whether users' code that measures itself came to one value with several seeds, for the champion."""
    bounds, seeds = formatting.bounds(verdict["winner"].get("ci95")), verdict["winner"].get("seeds") or 0
    return bool(verdict.get("tested_by")) and seeds > 1 and bounds is not None and bounds[0] == bounds[1]


def _seeds(seeds: int | Sequence[int]) -> str:
    return formatting.count(seeds if isinstance(seeds, int) else len(seeds), "seed")


def judgement(verdict: Mapping[str, Any], objective: Objective) -> str:
    """Return a sentence on the final evaluation: champion better, worse, or no significant difference.

    The difference is significant where its 95 % interval excludes 0.
    """
    difference, zero = verdict.get("difference"), names(verdict)
    defaults = zero.words
    if verdict["winner"]["mean"] is None:
        return f"The champion's {verdict['metric']} is no finite number: it cannot be compared."
    if not difference or difference["mean"] is None:
        why = (
            ", whose trainings failed or are infeasible" if (verdict.get("default") or {}).get("seeds") == 0 else ""
        )
        return f"The champion was not compared with {defaults}{why}."
    numbers = [verdict[name].get("number") for name in ("winner", "default")]
    if numbers[0] is not None and numbers[0] == numbers[1]:
        if is_only(verdict):
            return "Only one configuration was tried: there is no other to compare it with."
        return f"The champion is {zero.itself}: on validation no finalist does better."
    bounds = formatting.bounds(difference.get("ci95"))
    if bounds is None:
        return f"There is no interval: no one can say whether the champion beats {defaults} (set final.seeds)."
    if bounds[0] <= 0 <= bounds[1]:
        return f"No significant difference to {defaults}: the 95 % interval of the difference includes 0."
    better = objective.better(difference["mean"], 0.0)
    return f"The champion is {'better' if better else 'WORSE'} than {defaults}: the 95 % interval excludes 0."


def _known(document: Mapping[str, Any]) -> list[Text]:
    """Return a line for each earlier sweep that it has learned from, and for each edit."""
    lines = [f"warm start: {warm_start_line(one)}" for one in document.get("warm_start") or ()]
    lines += map(edit_line, document.get("edits") or ())
    return [Text(line) for line in [*lines, *cache_lines(document.get("trials") or ())]]


def _too_many(ending: Ending) -> list[Text]:
    line = outcome.failures_line(ending.num_given_up, ending.max_failed_trials)
    return [line] if line and ending.document["state"] == "finished" else []


def _troubles(troubles: Sequence[Trouble]) -> list[Text]:
    lines = []
    for alike in _alike(troubles):
        trials = sorted({number for trouble in alike for number in trouble.trials})
        num = formatting.count(len(trials), "trial")
        lines.append(Text(f"{num} ({outcome.named(trials)}) failed with:", "red"))
        lines.append(Text(own_frames(alike[0].failure.whole.rstrip())))
        others = [trouble.failure.line for trouble in alike[1:]]
        lines += [Text(f"also: {last}") for last in others[:OTHER_MESSAGES]]
        if len(others) > OTHER_MESSAGES:
            lines.append(Text(f"also: {len(others) - OTHER_MESSAGES} more messages from the same place"))
    return lines


def _alike(troubles: Sequence[Trouble]) -> list[list[Trouble]]:
    """Group failures by their traceback, without its last line: messages may differ in their values."""
    groups: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        told = str(trouble.failure).rstrip()
        groups[told.rpartition("\n")[0] or told].append(trouble)
    return list(groups.values())


def _closing(ending: Ending) -> list[Text]:
    told = (
        live_lines.saved_line(ending.snapshot, 10_000),
        live_lines.budget_line(ending.snapshot, 10_000),
        outcome.time_line(ending.document),
        outcome.model_line(ending.document),
    )
    lines = [line for line in told if line]
    url = (ending.document.get("tracking") or {}).get("url")
    if url:
        lines.append(live_lines.link_line(url, ending.title.id))
    if saved := (ending.document.get("best") or {}).get("files"):
        lines.append(Text(f"saved by {trial_name(ending.document['best']['number'])}: {saved}"))
    if ending.next:
        width = max(len(command) for command, _ in ending.next)
        lines.append(Text("next", "bold"))
        lines += [
            Text(f"  {command:<{width}}  ").append(purpose, "bright_black") for command, purpose in ending.next
        ]
    return lines
