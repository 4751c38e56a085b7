"""What the ranks of a script tell each other while it runs, and what follows from that: the same on all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from search_spaces.types.failure import LOST, ScriptFailed
from workloads.models.script.epochs import Epoch
from workloads.training.process_group import named_ranks

SHOWN_LINES, SHOWN_CHARACTERS = 15, 4096
"""Largest part of a rank's output that a failure's reason shows."""


_WAITED = re.compile(r"time(?:d )?out", re.IGNORECASE)
"""What gloo, NCCL and torch's store say once they have waited long enough."""


class RankFailed(ScriptFailed):
    """Error that all ranks know of: the script of one of them has failed, and all are to end."""


class Again(Exception):
    """Raised on all ranks where their scripts are to start again, without MLflow's run."""


@dataclass(frozen=True)
class Told:
    """What the first rank has waited for: an epoch, the end of its script, or that it is not to go on."""

    epoch: Epoch | None = None
    ended: bool = False
    rest: Mapping[str, float] = field(default_factory=dict)
    interrupted: bool = False


@dataclass(frozen=True)
class Failure:
    """How a rank's script has failed, in a sentence, and its last lines."""

    sentence: str
    output: str = ""

    @classmethod
    def of(cls, sentence: str, lines: Sequence[str]) -> Failure:
        """Return the failure with as many of the last ``lines`` as are shown."""
        return cls(sentence, "\n".join(lines[-SHOWN_LINES:])[-SHOWN_CHARACTERS:])

    @property
    def follows(self) -> bool:
        """Whether it only lost its connection to another rank."""
        return any(words in self._said for words in LOST)

    @property
    def misses_another(self) -> bool:
        """Whether it lost another rank, or waited for one in vain."""
        return self.follows or bool(_WAITED.search(self._said))

    @property
    def _said(self) -> str:
        return f"{self.sentence}\n{self.output}"


@dataclass(frozen=True)
class Look:
    """What one rank tells all others at once."""

    ended: bool = False
    """Whether its script has ended."""
    failure: Failure | None = None
    refused: bool = False
    """Whether MLflow has refused its script the run that it found."""
    told: Told | None = None
    """Of the first rank alone: what it has waited for."""
    patient: bool = True
    """Of the first rank alone: whether others that run on are still waited for."""


def failure(looks: Sequence[Look]) -> RankFailed | None:
    """Return why a trial fails; None while that is not so, or not known.

    A rank that has only lost its connection is not the reason as long as another one may be.
    """
    failed = [look.failure for look in looks if look.failure is not None]
    own = [one for one in failed if not one.follows]
    if not own and (not failed or (looks[0].patient and not all(look.ended for look in looks))):
        return None
    reason = (own or failed)[0]
    early = [rank for rank, look in enumerate(looks) if look.ended and look.failure is None]
    before = (
        f" ({named_ranks(early)} had ended before, with exit code 0)" if early and reason.misses_another else ""
    )
    return RankFailed(f"{reason.sentence}{before}", reason.output)
