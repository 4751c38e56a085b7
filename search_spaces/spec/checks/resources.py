"""Laws of ``resources``: whether several workers can train this, and what would have no effect."""

from __future__ import annotations

from search_spaces.spec.schema import Resources, SpecFile
from search_spaces.spec.yaml_document import Document
from search_spaces.types.catalogue import WorkloadInfo
from search_spaces.types.faults import shown


def check_workers(document: Document, spec: SpecFile, workload: WorkloadInfo | None) -> None:
    """Notes every fault of ``resources`` that joins several keys."""
    wanted = spec.resources
    if wanted.most == 1:
        for key in ("strategy", "lr_scaling"):
            if getattr(wanted, key) != Resources.model_fields[key].default:
                rule = "has no effect on one worker: leave it out, or give resources.workers"
                document.fault(("resources", key), rule, shown(getattr(wanted, key)))
        return
    if workload is not None and not workload.distributed:
        rule = f"must be 1: workload {workload.name} is trained in one process"
        document.fault(("resources", "workers"), rule, shown(wanted.workers))
    if spec.cohort not in (None, 1):
        document.fault(("cohort",), "must be 1 where several workers train a trial", shown(spec.cohort))
