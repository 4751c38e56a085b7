"""The environment variables that Paceline reads: the names from the sources, the meanings from here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.docs.markdown import code, sentence, table
from tests.helpers.paths import ROOT

SOURCES = ("cluster", "workloads", "search_spaces", "tracking")
OURS = re.compile(r"\bPACELINE_[A-Z_]*[A-Z]\b")

FOR_PEOPLE: Mapping[str, str] = {
    "PACELINE_HOME": "The folder of the sweeps' homes; default `.paceline` in the working folder. On a cluster a "
    "folder that all nodes see.",
    "PACELINE_STUDY": "Where the study is kept unless the spec's `storage.study` says: "
    "`postgresql+psycopg://USER@HOST/DB`; it may hold the password.",
    "PACELINE_CHECKPOINTS": "Where checkpoints are kept unless the spec's `storage.checkpoints` says: a "
    "folder that "
    "all machines see, or a URI such as `s3://BUCKET/PREFIX`.",
    "PACELINE_TARGET": "Where sweeps run unless a command has `--on`: `local`, `http://HEAD:8265`, "
    "`ray://HEAD:10001` or `k8s:CONTEXT/NAMESPACE`.",
    "PACELINE_OWNER": "Whose the sweeps are, in lists and in MLflow; default: the login.",
    "PACELINE_DATA": "The folder that holds, or gets, the files of data sets that are downloaded, unless the "
    "spec's "
    "`data.root` says; default `~/.cache/paceline`.",
    "PACELINE_CACHE": "The folder where computed features of pre-trained networks are kept, at most 4 GiB, "
    "encoders of MLflow's models, and the virtual environments of `pip`; default `~/.cache/paceline`.",
    "PACELINE_ENCODER": "Where a text encoder is now, for a champion of `language` that is loaded and does not "
    "find it where it was.",
    "PACELINE_QUEUE": "On Kubernetes with Kueue: the LocalQueue in which a submission waits.",
    "PACELINE_PLAIN": "`1`: stock Ray workers, MLflow's own client and gradients by autograd, in place of the fast "
    "ways.",
}
"""Variables that a person sets."""
FOR_DRIVERS: Mapping[str, str] = {
    "PACELINE_ATTEMPT": "The number of this driver of the sweep. A driver with a higher number ends the one "
    "before it.",
    "PACELINE_SPEC": "The spec file that travelled with a submission.",
    "PACELINE_CODE": "How the code came: `ship` (with the submission) or `image` (in the cluster's image).",
    "PACELINE_VERSION": "The version that submitted; the driver's own must be the same.",
    "PACELINE_TRIALS": "What `resume --trials` asked for.",
    "PACELINE_BUDGET": "What `resume --budget` asked for.",
    "PACELINE_STEER": "What `pause`, `boost`, `lanes` or `stop` of a trial asks of a sweep on a cluster.",
    "PACELINE_PLACE": "The target as the submitter named it.",
    "PACELINE_USERS_CODE": "The folder of users' modules that have the names of others.",
    "PACELINE_FOLDER": "The folder of the spec's file, in which users' code runs.",
    "PACELINE_FORK_SERVER": "The socket of the process that forks Ray's workers.",
    "PACELINE_STARTED_BY": "The mark of all processes that a command has started: they end with it.",
    "PACELINE_SCRIPT_OF": "The mark of a script's processes: they end with the worker that has started it.",
}
"""Variables that Paceline sets for processes of its own."""
FOR_SCRIPTS: Mapping[str, str] = {
    "PACELINE_REPORTS": "The file to which a script's reports are appended, one JSON object a line.",
    "PACELINE_CONFIG": "The trial's hyperparameters as JSON.",
    "PACELINE_CHECKPOINT": "With `checkpoint: true` the folder that the script writes to, and continues from.",
    "PACELINE_SWEEP": "The sweep's ID.",
    "PACELINE_TRIAL": "The trial's name, such as `t007`.",
    "PACELINE_PROJECT": "The name of MLflow's experiment.",
    "PACELINE_FOLDER": "A folder of the trial for files that need not stay.",
    "PACELINE_SEED": "The seed of the training.",
    "PACELINE_PARAMS": "A JSON file with the trial's hyperparameters.",
    "PACELINE_EPOCHS": "The last epoch that counts, or the `most` of `steps`; not set where the spec has neither.",
    "PACELINE_PURPOSE": "`search`, or `final` in the final evaluation.",
}
"""Variables that Paceline sets for a person's script."""
OTHERS: Mapping[str, str] = {
    "MLFLOW_TRACKING_URI": "Where MLflow keeps the runs unless the spec's `tracking.uri` says; default "
    "`mlflow.db` in "
    "the working folder.",
    "MLFLOW_TRACKING_USERNAME": "The user at MLflow's server, with `MLFLOW_TRACKING_PASSWORD`.",
    "MLFLOW_TRACKING_PASSWORD": "That user's password.",
    "MLFLOW_TRACKING_TOKEN": "A token in place of user and password.",
    "PGPASSWORD": "The password of the study's database.",
    "AWS_ACCESS_KEY_ID": "The key of an S3 store, with `AWS_SECRET_ACCESS_KEY`.",
    "AWS_SECRET_ACCESS_KEY": "Its secret.",
    "AWS_ENDPOINT_URL": "The address of an S3 store that is not Amazon's.",
    "RAY_AUTH_TOKEN": "The token of a Ray cluster; else it is read from the file that `RAY_AUTH_TOKEN_PATH` "
    "names or, "
    "with `RAY_AUTH_MODE=token`, from `~/.ray/auth_token`.",
    "RAY_TMPDIR": "The folder in which a local Ray keeps its logs and sockets, for ten minutes after its end; "
    "default `TMPDIR`, else `/tmp`. One whose path is too long for a socket is reached by a link in `/tmp`.",
    "KUBECONFIG": "The file with the contexts of `k8s:CONTEXT/NAMESPACE`; default `~/.kube/config`.",
    "CUDA_VISIBLE_DEVICES": "The GPUs that may be used.",
    "OMP_NUM_THREADS": "Threads of one training on a CPU; where it is not set, one for each core that a trial has.",
}
"""Variables of other tools that have an effect here."""


def variables() -> str:
    """Three tables: a person's, the drivers', other tools'."""
    named = in_sources()
    missing = named - {*FOR_PEOPLE, *FOR_DRIVERS, *FOR_SCRIPTS}
    assert not missing, f"tests/docs/environment.py does not tell what these are for: {sorted(missing)}"
    parts = []
    for title, known in (
        ("## Set by you", FOR_PEOPLE),
        ("## Set by Paceline for its own processes", FOR_DRIVERS),
        ("## Set by Paceline for a script of yours", FOR_SCRIPTS),
        ("## Of other tools", OTHERS),
    ):
        rows = [[code(name), sentence(text)] for name, text in known.items() if name in named or known is OTHERS]
        parts += [title, table(("variable", "meaning"), rows)]
    return "\n\n".join(parts)


def in_sources() -> set[str]:
    """Every PACELINE_ variable that the sources of the four packages name."""
    files = (path for package in SOURCES for path in (ROOT / package).rglob("*.py"))
    return {name for path in files for name in OURS.findall(path.read_text())}
