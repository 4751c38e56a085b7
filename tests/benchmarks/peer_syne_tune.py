"""A scheduler of Syne Tune's as a process: a line of JSON is a message, the answer is one as well.

It needs nothing but Syne Tune, which wants an environment of its own. The first message says what is searched; then
``ask`` starts a trial, and an epoch's value is answered by whether the trial goes on. The scheduler is told what
``syne_tune.Tuner`` tells it of results and of trials that end. Syne Tune 0.16 has neither MOBSTER nor HyperTune.
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import Any

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import lograndint, loguniform, randint, uniform
from syne_tune.optimizer.baselines import ASHA, ASHABORE, ASHACQR, BOHB

SCHEDULERS = {"asha": ASHA, "bohb": BOHB, "cqr": ASHACQR, "bore": ASHABORE}
METRIC, EPOCH = "accuracy", "epoch"


def scheduler(setting: dict[str, Any]) -> Any:
    """Return the scheduler of the first message."""
    laws = {(True, True): lograndint, (True, False): randint, (False, True): loguniform, (False, False): uniform}
    space = {name: laws[d["whole"], d["log"]](d["low"], d["high"]) for name, d in setting["space"].items()}
    return SCHEDULERS[setting["kind"]](
        config_space=space,
        metric=METRIC,
        time_attr=EPOCH,
        max_t=setting["epochs"],
        do_minimize=False,
        random_seed=setting["seed"],
    ), setting["first"]


def main() -> None:
    """Answer messages until the input ends."""
    logging.disable(logging.CRITICAL)
    out, sys.stdout = sys.stdout, sys.stderr
    made, first = scheduler(json.loads(sys.stdin.readline()))
    trials: dict[int, Trial] = {}
    print("{}", file=out, flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        if "ask" in message:
            # ``points_to_evaluate`` of ASHA and the others is taken off on its way to the searcher (0.16).
            params = first if not trials else made.suggest().config
            trial = Trial(len(trials), dict(params), datetime.datetime.now())
            trials[trial.trial_id] = trial
            made.on_trial_add(trial)
            answer = {
                "trial": trial.trial_id,
                "params": {k: getattr(v, "item", lambda v=v: v)() for k, v in params.items()},
            }
        else:
            trial = trials[message["trial"]]
            decision = made.on_trial_result(trial, {METRIC: message["value"], EPOCH: message["epoch"]})
            if decision != "CONTINUE":
                made.on_trial_remove(trial)
            answer = {"goes_on": decision == "CONTINUE"}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
