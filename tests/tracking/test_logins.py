"""A server that refuses a login, or to be written to, is told at once, with the variables to set."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.main import main
from cluster.doctor.stores import check_tracking
from tests.helpers.small_sweep_in_mlflow import open_writer
from tracking.store.errors import Denied
from tracking.store.open import open_mlflow
from tracking.ui.server import Server

SPEC = "workload: softmax\ndata: {name: wine}\nparameters: {lr: {min: 0.001, max: 0.1}}\ntrials: 2\nname: wines\n"
USER, PASSWORD, READER = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
FIRST = {"experiment_id": "0", "lifecycle_stage": "active", "artifact_location": "mlflow-artifacts:/0"}
Answer = tuple[int, Any]


class Guarded:
    """A tiny server in front of which a login stands: ``me:pw`` may write, the token ``reader`` may read."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.page = False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            do_POST = do_GET

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0].rpartition("/")[2]
                owner.asked.append(f"{self.command} {path}")
                if self.path.startswith("/before/"):
                    self.send_response(308)
                    self.send_header("Location", self.path.removeprefix("/before"))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                code, found = owner.answer(self.command, path, self.headers.get("Authorization", ""))
                content = b"<html>Log in</html>" if owner.page else json.dumps(found).encode()
                self.send_response(code)
                self.send_header("Content-Type", "text/html" if owner.page else "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, method: str, path: str, login: str) -> Answer:
        both = f"Basic {base64.b64encode(b'me:pw').decode()}"
        if self.page:
            return 200, None
        if login not in (both, "Bearer reader"):
            return 401, "who are you?"
        if method != "GET" and login != both:
            return 403, {"error_code": "PERMISSION_DENIED", "message": "Permission denied"}
        if path == "create":
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there is one"}
        return 200, {"experiment": FIRST} if method == "GET" else {}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Guarded]:
    for name in (USER, PASSWORD, READER):
        monkeypatch.delenv(name, raising=False)
    server = Guarded()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    yield server
    server.close()


def test_a_refused_login_is_told_before_anything_starts(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sweep.yaml").write_text(SPEC)

    def refused() -> list[str]:
        told = []
        for command in ("check", "run"):
            assert main([command, "sweep.yaml"]) == 2
            told.append(capsys.readouterr().err)
        found = check_tracking(None, away="wrong")
        assert found.state == "wrong"
        return [*told, f"{found.found}; {found.remedy}"]

    for text in refused():
        assert f"refuses the login (401); set {USER} and {PASSWORD}, or {READER}" in text
    monkeypatch.setenv(READER, "reader")
    for text in refused():
        assert f"does not let this login write (403); have that allowed, or correct {USER}" in text
    monkeypatch.setenv(USER, "me")
    monkeypatch.setenv(PASSWORD, "pw")
    guarded.asked.clear()
    assert main(["check", "sweep.yaml"]) == 0
    written = ["POST set-experiment-tag", "POST delete-experiment-tag"]
    assert guarded.asked == ["GET get", "GET get-by-name", *written], "what is written is taken back"
    guarded.asked.clear()
    monkeypatch.setenv("PACELINE_CHECKPOINTS", "/proc/paceline")  # so that it does not start
    assert main(["run", "sweep.yaml"]) == 2 and "/proc/paceline" in capsys.readouterr().err
    assert guarded.asked == ["GET get", "GET get-by-name", *written], "once"
    monkeypatch.delenv("PACELINE_CHECKPOINTS")
    assert check_tracking(None).state == "ok" and guarded.asked[-1] == "POST create"
    guarded.page = True
    for text in refused():
        assert "answers with a page" in text and READER in text
    assert [path.name for path in Path().iterdir()] == ["sweep.yaml"], "nothing was started"


def test_a_login_that_is_refused_later_is_told_at_once_and_not_waited_for_at_the_end(
    guarded: Guarded, tmp_path: Path
) -> None:
    with pytest.raises(Denied, match=USER):
        open_mlflow(guarded.url).search(["0"], "x")
    told: list[str] = []
    writer = open_writer(guarded.url, tmp_path / "spool", told)
    writer.trial("t0000", 0, "trial", {"lr": 0.5})
    begun = time.monotonic()
    assert not writer.close(60)
    assert time.monotonic() - begun < 50, "it does not wait for a store that only a user can open"
    assert USER in told[0] and "is away" not in "".join(told) and len(told) == 2


def test_a_real_server_is_left_as_it_was(
    server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    client = open_mlflow(server.url).client
    own = client.create_experiment(request.node.name)
    before = [(e.experiment_id, e.name, e.tags) for e in client.search_experiments()]
    for experiment in (request.node.name, "not there yet", None):
        found = check_tracking(server.url, experiment=experiment)
        assert found.state == "ok", found
    after = [(e.experiment_id, e.name, e.tags) for e in client.search_experiments()]
    assert after == before
    client.delete_experiment(own)


def test_a_server_of_another_kind_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            asked, _ = server.accept()
            with asked:
                asked.recv(1 << 16)
                asked.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        threading.Thread(target=answer, daemon=True).start()
        found = check_tracking(f"http://127.0.0.1:{server.getsockname()[1]}", limit_s=5)
    assert (found.state, "not as a web server" in found.found) == ("wrong", True)


def test_a_server_to_which_another_address_leads_is_used(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """By 308, as where a proxy leads from http to https: MLflow's client goes there with what it writes, too."""
    monkeypatch.setenv(USER, "me")
    monkeypatch.setenv(PASSWORD, "pw")
    found = check_tracking(f"{guarded.url}/before")
    assert found.state == "ok" and guarded.asked[-1] == "POST create", found
