"""Stores a study in PostgreSQL, in Optuna's own tables, so that Optuna's tools can read it.

A driver keeps its study in memory; ``flush`` writes the changes in one transaction. All writes go over the
connection that holds the sweep's advisory lock: a driver that has lost the lock cannot write, and the server
releases the lock when the process or its machine dies.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import scoped_session, sessionmaker

from search_spaces.study.contract import Goals
from search_spaces.study.letters import Letter, is_letter, waiting
from search_spaces.study.optuna_study import OptunaStudy
from search_spaces.study.postgres_url import away, driver_url, engine, key_of, rows, whoami
from search_spaces.types.driver_errors import Busy, Fenced

OUTAGE_S = 60.0
"""Seconds for which a driver tries to reach a lost database before it ends; ``paceline resume`` then continues."""
TAKE_OVER_S = 20.0
_WATCHFUL = (
    "SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)
"""Keepalives by which the server notices after 25 s that a driver's machine is gone, and releases its lock."""
_HOLDERS = (
    "SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database() "
    "AND l.classid::bigint = :high AND l.objid::bigint = :low"
)
_TROUBLE = (SQLAlchemyError, optuna.exceptions.StorageInternalError)


class Database(OptunaStudy):
    """A study in PostgreSQL, of which ``study`` is the copy in memory. A reader takes no lock and creates nothing.

    ``direction`` is that of a new study; one that exists has its own.

    ``attempt`` is the driver's number, None: that of the driver before it. A driver with a higher number than the
    earlier one ends the earlier one's connection and takes its lock. Raises Busy where the lock is held, Fenced
    where a higher number is stored, and StudyAway.
    """

    mended = ""

    def __init__(self, name: str, direction: Goals, url: str, writing: bool, attempt: int | None) -> None:
        super().__init__(name, direction)
        self._name, self._url, self._attempt = name, url, attempt
        self._engine = engine(url, whoami(name))
        self._directions = self.study.directions
        self._sent: list[FrozenTrial] = []
        self._open_ids: dict[int, int] = {}
        """Database ID of each trial that may still change, by its number."""
        self._facts: dict[str, Any] = {}
        self.driven = False
        """Whether a driver held the lock when a reader opened the study."""
        try:
            (self._connect if writing else self._look)()
        except _TROUBLE as error:
            raise away(error, url) from None
        except (Busy, Fenced):
            self.close()
            raise
        self._remember()

    def flush(self) -> None:
        """Write all changes to the database. Raises Fenced, Busy, and StudyAway after ``OUTAGE_S`` of outage."""
        try:
            self._write()
        except _TROUBLE as error:
            self._recover(error)
        except Fenced:
            self.close()
            raise

    def letters(self, kind: str) -> list[Letter]:
        """Return the letters of this kind that wait; none in an outage, which the next ``flush`` tells of."""
        try:
            return waiting(self._connection, self._name, kind)
        except _TROUBLE:
            return []

    def forget(self) -> None:
        """Delete the study from the database."""
        with self._connection.begin():
            self._rdb.delete_study(self._study_id)

    def close(self) -> None:
        """Close the connection, which releases the lock."""
        with contextlib.suppress(SQLAlchemyError):
            self._connection.close()

    def _look(self) -> None:
        with self._engine.connect() as self._connection:
            if not sqlalchemy.inspect(self._connection).has_table("studies"):
                return
            self._connection.commit()
            self.driven = bool(self._holders())
            self._rdb = self._storage(new=False)
            if self._find():
                self._learn()

    def _connect(self) -> None:
        """Connect, create the study if needed, store the attempt number, take the lock and read the study."""
        self._connection = self._engine.connect()
        rows(self._connection, _WATCHFUL)
        with self._connection.begin():  # two first sweeps in an empty database must not both create the tables
            rows(self._connection, "SELECT pg_advisory_xact_lock(:key)", key=key_of("tables"))
            self._rdb = self._storage(new=True)
            if not self._find():
                self._study_id = self._rdb.create_new_study(self.study.directions, self._name)
        with self._connection.begin():
            later = self._outrun()
        self._lock(TAKE_OVER_S if later else 0.0)
        self._learn()

    def _lock(self, patience_s: float) -> None:
        """Take the sweep's lock. With ``patience_s`` above 0 end its holder, an earlier attempt. Raises Busy."""
        deadline = time.monotonic() + patience_s
        while not rows(self._connection, "SELECT pg_try_advisory_lock(:key)", key=key_of(self._name))[0][0]:
            holders = self._holders()
            if time.monotonic() >= deadline:
                who = ", ".join(who.rpartition(": ")[2] for _, who in holders) or "another process"
                raise Busy(f"sweep {self._name} is being driven by {who}")
            for pid, _ in holders if patience_s else ():
                rows(self._connection, "SELECT pg_terminate_backend(:pid)", pid=pid)
            time.sleep(0.1)

    def _outrun(self) -> bool:
        """Store the attempt number; return whether it replaces an earlier one. Raises Fenced for a later one."""
        before = int(self._rdb.get_study_user_attrs(self._study_id).get("attempt", 0))
        if self._attempt is None:
            self._attempt = max(before, 1)
        if self._attempt < before:
            raise Fenced(f"attempt {before} drives sweep {self._name} now: attempt {self._attempt} ends")
        if self._attempt > before:
            self._rdb.set_study_user_attr(self._study_id, "attempt", self._attempt)
        return self._attempt > before > 0

    def _write(self) -> None:
        trials, facts = self.study.get_trials(deepcopy=False), self.study.user_attrs
        with self._connection.begin():
            self._outrun()
            for number, trial in enumerate(trials):
                if number >= len(self._sent):
                    self._add(number, trial)
                elif trial is not self._sent[number]:  # the memory storage replaces the record of a changed trial
                    self._change(self._sent[number], trial)
            for key, value in facts.items():
                if key not in self._facts or self._facts[key] != value:
                    self._rdb.set_study_user_attr(self._study_id, key, value)
        self._sent, self._facts = trials, facts

    def _add(self, number: int, trial: FrozenTrial) -> None:
        trial_id = self._rdb.create_new_trial(self._study_id, template_trial=trial)
        assert self._rdb.get_trial_number_from_id(trial_id) == number, "only the holder of the lock writes"
        self._open_ids[number] = trial_id

    def _change(self, old: FrozenTrial, new: FrozenTrial) -> None:
        if old.state.is_finished():
            return
        trial_id = self._open_ids[old.number]
        for step in new.intermediate_values.keys() - old.intermediate_values.keys():
            self._rdb.set_trial_intermediate_value(trial_id, step, new.intermediate_values[step])
        for key, value in new.user_attrs.items():
            if key not in old.user_attrs or old.user_attrs[key] != value:
                self._rdb.set_trial_user_attr(trial_id, key, value)
        if new.state != old.state:
            self._rdb.set_trial_state_values(trial_id, new.state, new.values)

    def _recover(self, error: BaseException) -> None:
        """Reconnect after an outage, take the lock again and write what the database lacks.

        The interrupted commit may have succeeded or not: the database is read, and only the rest is written.
        """
        deadline = time.monotonic() + OUTAGE_S
        while not self._alive() and time.monotonic() < deadline:
            self.close()
            try:
                self._connect()
                return self._write()
            except _TROUBLE as again:
                error = again
            time.sleep(0.5)
        raise away(error, self._url) from None

    def _alive(self) -> bool:
        if self._connection.closed or self._connection.invalidated:  # it would connect anew, without the lock
            return False
        try:
            return bool(rows(self._connection, "SELECT 1"))
        except SQLAlchemyError:
            return False

    def _learn(self) -> None:
        """Read the study from the database."""
        with self._connection.begin():
            self._directions = self._rdb.get_study_directions(self._study_id)
            self._sent = self._rdb.get_all_trials(self._study_id, deepcopy=False)
            facts = self._rdb.get_study_user_attrs(self._study_id)
            self._facts = {key: value for key, value in facts.items() if not is_letter(key)}
            open_ones = [trial.number for trial in self._sent if not trial.state.is_finished()]
            find = self._rdb.get_trial_id_from_study_id_trial_number
            self._open_ids = {number: find(self._study_id, number) for number in open_ones}

    def _remember(self) -> None:
        """Copy what was read into the study in memory."""
        if self._directions != self.study.directions:
            self._begin(self._name, self._directions)
        self.study.add_trials(self._sent)
        for key, value in self._facts.items():
            self.study.set_user_attr(key, value)
        self._sent = self.study.get_trials(deepcopy=False)

    def _storage(self, new: bool) -> RDBStorage:
        """Return Optuna's storage, with sessions inside the transactions of our own connection."""
        url = driver_url(self._url).replace("{", "{{").replace("}", "}}")  # Optuna formats it as a template
        settings = {"poolclass": sqlalchemy.NullPool, "hide_parameters": True}
        made = RDBStorage(url, settings, skip_table_creation=not new, skip_compatibility_check=not new)
        session = sessionmaker(bind=self._connection, join_transaction_mode="rollback_only")
        made.scoped_session = scoped_session(session)
        return made

    def _find(self) -> bool:
        found = rows(self._connection, "SELECT study_id FROM studies WHERE study_name = :name", name=self._name)
        self._study_id = int(found[0][0]) if found else -1
        return bool(found)

    def _holders(self) -> list[tuple[int, str]]:
        """Return the holders of the sweep's lock, as (server process ID, application name)."""
        key = key_of(self._name) % 2**64
        found = rows(self._connection, _HOLDERS, high=key >> 32, low=key & 0xFFFFFFFF)
        return [(int(pid), str(who)) for pid, who in found]


def names(url: str) -> list[str]:
    """Return the names of all studies in the database. Raises StudyAway."""
    try:
        with engine(url, whoami("names")).connect() as connection:
            if not sqlalchemy.inspect(connection).has_table("studies"):
                return []
            return [str(name) for (name,) in rows(connection, "SELECT study_name FROM studies ORDER BY study_id")]
    except SQLAlchemyError as error:
        raise away(error, url) from None


def usable(url: str) -> tuple[str, str] | None:
    """Return None if a study can be stored in the database, else the fault and its remedy. Raises StudyAway."""
    try:
        with engine(url, whoami("check")).connect() as connection:
            allowed = rows(connection, "SELECT has_schema_privilege(current_schema(), 'CREATE')")[0][0]
            if sqlalchemy.inspect(connection).has_table("studies") or allowed:
                return None
    except SQLAlchemyError as error:
        raise away(error, url) from None
    return "the user may not make Optuna's tables", "grant it CREATE on the database's schema"
