"""A Kubernetes API server in this process: it keeps objects, checks them, and holds to the submitter's role.

What it is not: an operator, but for the rules that KubeRay tests a new RayJob with. Tests say with ``report`` what
else KubeRay would have written into a RayJob's status.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from tests.k8s.operator_rules import rayjob_faults
from tests.k8s.render import K8S, Manifest, named, parse
from tests.k8s.schemas import schema_faults

TOKEN = "let-me-in"
_VERBS = {"GET": "get", "POST": "create", "DELETE": "delete"}


class FakeKubernetes:
    """Objects by (resource, name); ``calls`` are the (verb, resource) that came; ``failing`` errors to answer."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.calls: list[tuple[str, str]] = []
        self.failing: dict[tuple[str, str], list[int]] = {}
        self.executed: list[tuple[str, str, list[str]]] = []
        self.exec_status: Manifest = {"status": "Success"}
        self.deleted_with_grace: dict[str, str | None] = {}
        self.logs: dict[str, list[str]] = {}
        self.writing: set[str] = set()
        self.breaks_after: dict[str, int] = {}
        self.role = named(parse((K8S / "base" / "access.yaml").read_text()), "Role", "paceline-submitter")
        self.url = ""
        self._ticks = 0

    def add(self, resource: str, manifest: Manifest) -> Manifest:
        """Keeps an object as the server would."""
        self._ticks += 1
        stamp = f"2026-01-01T{self._ticks // 3600:02d}:{self._ticks // 60 % 60:02d}:{self._ticks % 60:02d}Z"
        kept = {"uid": str(uuid.uuid4()), "creationTimestamp": stamp, "resourceVersion": str(self._ticks)}
        manifest = manifest | {"metadata": manifest["metadata"] | kept}
        self.objects[(resource, manifest["metadata"]["name"])] = manifest
        return manifest

    def report(self, name: str, **status: Any) -> None:
        """What the operator writes into a RayJob's status."""
        manifest = self.objects[("rayjobs", name)]
        manifest["status"] = manifest.get("status", {}) | status

    def pod(self, name: str, labels: dict[str, str], phase: str = "Running", ready: bool = True) -> None:
        """A pod of the namespace."""
        metadata = {"name": name, "namespace": "paceline", "labels": labels}
        status = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}
        self.add("pods", {"metadata": metadata, "spec": {"containers": []}, "status": status})

    def names(self, resource: str) -> list[str]:
        """The names of all objects of a resource."""
        return [name for kind, name in self.objects if kind == resource]

    @contextmanager
    def running(self, folder: Path) -> Iterator[Path]:
        """Serves on a free port; yields a kubeconfig with the contexts ``here``, ``outsider`` and ``gone``."""
        loop, ready = asyncio.new_event_loop(), threading.Event()
        thread = threading.Thread(target=self._serve, args=(loop, ready), daemon=True)
        thread.start()
        ready.wait(10)
        try:
            yield self._kubeconfig(folder)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)

    def _serve(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        app = web.Application(middlewares=[self._guard])
        rayjobs, core = "/apis/ray.io/v1/namespaces/{ns}/{resource}", "/api/v1/namespaces/{ns}/{resource}"
        for path in (rayjobs, core):
            app.router.add_get(path, self._list)
            app.router.add_post(path, self._create)
            app.router.add_get(path + "/{name}", self._get)
            app.router.add_delete(path + "/{name}", self._delete)
        app.router.add_get(core + "/{name}/log", self._log)
        app.router.add_get(core + "/{name}/exec", self._exec)
        app.router.add_get("/version/", self._version)
        app.router.add_post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", self._review)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    def _kubeconfig(self, folder: Path) -> Path:
        servers = {"here": self.url, "outsider": self.url, "gone": "http://127.0.0.1:9"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": n, "cluster": {"server": url}} for n, url in servers.items()],
            "users": [{"name": n, "user": {"token": TOKEN if n != "outsider" else "wrong"}} for n in servers],
            "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in servers],
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "Unauthorized")
        if "resource" not in request.match_info:
            return await handler(request)
        resource, name = request.match_info["resource"], request.match_info.get("name")
        last = request.path.rsplit("/", 1)[1]
        resource = f"{resource}/{last}" if last in ("log", "exec") else resource
        verb = "list" if request.method == "GET" and name is None else _VERBS[request.method]
        self.calls.append((verb, resource))
        if not self._allows(verb, resource):
            return _refusal(403, f"{resource} is forbidden: User cannot {verb} it")
        if self.failing.get((verb, resource)):
            return _refusal(self.failing[(verb, resource)].pop(0), "the server is currently unable")
        return await handler(request)

    def _allows(self, verb: str, resource: str) -> bool:
        return any(verb in r["verbs"] and resource in r["resources"] for r in self.role["rules"])

    async def _version(self, request: web.Request) -> web.Response:
        names = ("major", "minor", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
        return web.json_response(dict.fromkeys(names, "") | {"gitVersion": "v1.34.0"})

    async def _review(self, request: web.Request) -> web.Response:
        """Whether the role lets us do what is asked about."""
        review = await request.json()
        asked = review["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
        return web.json_response(
            review | {"status": {"allowed": self._allows(asked["verb"], resource)}}, status=201
        )

    async def _list(self, request: web.Request) -> web.Response:
        selected = _selector(request.query.get("labelSelector", ""))
        found = [
            manifest
            for (resource, _), manifest in self.objects.items()
            if resource == request.match_info["resource"] and selected(manifest["metadata"].get("labels", {}))
        ]
        return web.json_response({"items": found})

    async def _get(self, request: web.Request) -> web.Response:
        manifest = self.objects.get((request.match_info["resource"], request.match_info["name"]))
        return web.json_response(manifest) if manifest else _refusal(404, f"{request.match_info['name']} not found")

    async def _create(self, request: web.Request) -> web.Response:
        manifest, resource = await request.json(), request.match_info["resource"]
        if (resource, manifest["metadata"]["name"]) in self.objects:
            return _refusal(409, f"{manifest['metadata']['name']} already exists")
        if faults := schema_faults(manifest):
            return _refusal(422, "; ".join(faults))
        made = self.add(resource, manifest)
        if resource == "rayjobs" and (refused := [str(fault) for fault in rayjob_faults(manifest, "KubeRay")]):
            words = {"reason": "ValidationFailed", "message": "; ".join(refused)}
            self.report(manifest["metadata"]["name"], jobDeploymentStatus="ValidationFailed", **words)
        return web.json_response(made, status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        key = (request.match_info["resource"], request.match_info["name"])
        if key not in self.objects:
            return _refusal(404, f"{key[1]} not found")
        options = await request.json() if request.can_read_body else {}
        grace = request.query.get("gracePeriodSeconds", options.get("gracePeriodSeconds"))
        self.deleted_with_grace[key[1]] = None if grace is None else str(grace)
        owner = self.objects.pop(key)["metadata"]["uid"]
        for other, manifest in list(self.objects.items()):
            if owner in [o["uid"] for o in manifest["metadata"].get("ownerReferences", [])]:
                del self.objects[other]
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _log(self, request: web.Request) -> web.StreamResponse:
        """Lines of a pod; with ``follow`` until the pod has ended, or the connection is to break."""
        pod, follow = request.match_info["name"], request.query.get("follow") == "true"
        response = web.StreamResponse()
        await response.prepare(request)
        sent = 0
        while True:
            for line in self.logs.get(pod, [])[sent:]:
                await response.write(f"{line}\n".encode())
                sent += 1
                if self.breaks_after.get(pod) == sent:
                    del self.breaks_after[pod]
                    request.transport.abort()  # type: ignore[union-attr]
                    return response
            if not follow or pod not in self.writing:
                return response
            await asyncio.sleep(0.01)

    async def _exec(self, request: web.Request) -> web.WebSocketResponse:
        """Kubernetes' remote command protocol: a byte says which stream, stream 3 is the command's end."""
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
        await socket.prepare(request)
        self.executed.append(
            (request.match_info["name"], request.query["container"], request.query.getall("command"))
        )
        await socket.send_bytes(b"\x01Attempting to stop\n")
        await socket.send_bytes(b"\x03" + json.dumps(self.exec_status).encode())
        await socket.close()
        return socket


def _selector(text: str) -> Callable[[dict[str, str]], bool]:
    """Of ``key=value`` and ``key in (one, another)``, as Kubernetes writes them."""
    terms = [
        re.fullmatch(r"([^ =]+)(?:=| in \()([^)]*)\)?", term) for term in re.split(r",(?![^(]*\))", text) if term
    ]
    wanted = {term[1]: set(term[2].split(",")) for term in terms if term}
    return lambda labels: all(labels.get(key) in values for key, values in wanted.items())


def _refusal(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "message": message, "code": code}, status=code)
