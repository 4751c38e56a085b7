"""Keys of a W&B sweep file that have another name, or no meaning, here: what each means is put in its place.

What is read in another way than W&B does is noted in one sentence, which ``paceline check`` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from search_spaces.criteria.metric_names import smaller_is_better
from search_spaces.spec.other_tools.names import metric
from search_spaces.spec.script.early_stopping import STOPPING
from search_spaces.spec.yaml_document import Document, Path, flow
from search_spaces.types.faults import shown
from search_spaces.types.problems import METRICS

HYPERBAND: Final = "hyperband"
"""W&B's only rule of early termination, whose bands are rungs of ASHA."""
_BANDS: Final = 3
"""Number of bands of W&B's hyperband where ``s`` is not given."""


def settle_wandb(document: Document) -> list[str]:
    """Put W&B's keys of a script's spec in Paceline's words, in place, and return the notes."""
    notes: list[str] = []
    settler = _Settler(document, notes)
    settler.dropped()
    settler.project()
    settler.name()
    settler.metric()
    settler.early_terminate()
    return notes


@dataclass
class _Settler:
    document: Document
    notes: list[str]

    def _taken(self, *path: str) -> Any:
        """Remove a key, and return its value; None where it is not there."""
        around: Any = self.document.tree
        for part in path[:-1]:
            around = around.get(part) if isinstance(around, dict) else None
        return around.pop(path[-1], None) if isinstance(around, dict) else None

    def _put(self, path: Path, value: Any, of: Path) -> None:
        self.document.put(path, value, self.document.place(of))

    def dropped(self) -> None:
        """Take out what has no meaning here, or none anywhere."""
        tree = self.document.tree
        if "entity" in tree and self._taken("entity"):
            self.notes.append("entity has no meaning here: runs go to MLflow")
        if isinstance(tree.get("controller"), dict) and set(tree["controller"]) <= {"type"}:
            del tree["controller"]
        if tree.get("kind") == "sweep":
            self._taken("kind")
            self._taken("apiVersion")
        if isinstance(tree.get("scheduler"), dict) and tree["scheduler"] == {"engine": "wandb"}:
            del tree["scheduler"]

    def project(self) -> None:
        """Make the project MLflow's experiment, unless the file names one."""
        tree = self.document.tree
        tracking = tree.get("tracking", {})
        project = tree.get("project")
        if not isinstance(project, str) or not isinstance(tracking, dict):
            return
        self._taken("project")
        if "experiment" in tracking:
            self.notes.append(f"project {project} has no meaning beside tracking.experiment")
        elif "tracking" in tree:
            self._put(("tracking", "experiment"), project, ("tracking",))
        else:
            self._put(("tracking",), {"experiment": project}, ("project",))

    def name(self) -> None:
        """Make a name one that a folder and a model can have."""
        name = self.document.tree.get("name")
        if isinstance(name, str) and (plain := re.sub(r"\s*[/:\\]\s*", "-", name)) != name and plain.strip(". -"):
            self._put(("name",), plain, ("name",))
            self.notes.append(f"name {plain}: none may hold '/', ':' or '\\'")

    def metric(self) -> None:
        """Give a metric W&B's goal where none is written, and take out what concerns W&B's own sampler."""
        given = self.document.tree.get("metric")
        if not isinstance(given, dict):
            return
        for key in ("impute", "impute_while_running"):
            if self._taken("metric", key) is not None:
                self.notes.append(f"metric.{key} has no meaning here: a trial that fails counts as the worst")
        name = given.get("name")
        known = {name for metrics in METRICS.values() for name in metrics}
        unknown = isinstance(name, str) and "goal" not in given and (metric(name) or name) not in known
        if unknown and smaller_is_better(str(name)):
            self._put(("metric", "goal"), "minimize", ("metric",))
            self.notes.append("metric.goal is minimize, W&B's default")

    def early_terminate(self) -> None:
        """Read W&B's hyperband, whose bands are told by ``min_iter``, or by ``max_iter`` and ``s``."""
        rule = self.document.tree.get("early_terminate")
        if not isinstance(rule, dict) or rule.get("type", HYPERBAND) != HYPERBAND:
            return
        strict = self._taken("early_terminate", "strict")
        if strict is not None:
            self.notes.append("early_terminate.strict has no meaning here, as in W&B")
        eta = rule.get("eta", 3)
        if isinstance(eta, float) and eta.is_integer():
            rule["eta"] = eta = int(eta)
        if "max_iter" not in rule:
            self._taken("early_terminate", "s")
        elif type(rule["max_iter"]) is int and type(eta) is int and eta > 1:
            self._bands(rule, rule["max_iter"], eta)

    def _bands(self, rule: dict[str, Any], last: int, eta: int) -> None:
        """Turn the last iteration and the number of bands before it to the first band."""
        levels = rule.get("s", _BANDS)
        bands = [last // eta**k for k in range(1, int(levels) + 1)] if _is_count(levels) else []
        if not (bands := [band for band in bands if band >= 1]):
            text = f"leaves no decision before max_iter = {last}: write 'min_iter: N', the reports before the first"
            self.document.fault(("early_terminate", "s" if "s" in rule else "max_iter"), text, shown(levels))
            self._put(("early_terminate",), "none", ("early_terminate",))
            return
        told = {"min_iter": bands[-1], "eta": eta}
        if self.document.tree.get("checkpoint") is True:
            self._put(("early_terminate",), {"type": HYPERBAND, **told}, ("early_terminate",))
            if not {"epochs", "steps"} & self.document.tree.keys():
                self._put(("epochs",), last, ("early_terminate",))
        else:
            self._put(("early_terminate",), {"type": STOPPING, **told, "max_iter": last}, ("early_terminate",))
        shorter = flow({"min_iter": bands[-1], "eta": eta})
        self.notes.append(f"early_terminate: max_iter {last} and s {levels} are {shorter}, up to {bands[0]}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 100
