"""Calls to the Kubernetes API, by the official client; errors become KubernetesError with a remedy."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cluster.targets.contract import TargetError
from search_spaces.types.faults import nearest

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, ApiException

Manifest = dict[str, Any]
TIMEOUT_S = 30
_GROUP, _VERSION, _KIND = "ray.io", "v1", "rayjobs"
_PASSING = (429, 500, 502, 503, 504)
_PAUSES_S = (0.5, 1.0, 2.0, 4.0)


class KubernetesError(TargetError):
    """Error: the cluster cannot be reached or refuses; the text says what to do.

    ``status`` is the HTTP status, 0 without an answer.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        self.status = status
        super().__init__(text)


@dataclass(frozen=True)
class Api:
    """Client for one namespace of a cluster; ``place`` is the target as the user wrote it."""

    client: ApiClient
    place: str
    namespace: str

    def version(self) -> str:
        """Return the cluster's version of Kubernetes."""
        from kubernetes.client import VersionApi

        return str(self._read("ask for the version", VersionApi(self.client).get_code).git_version)

    def may(self, group: str, resource: str, verb: str) -> bool:
        """Whether these credentials may use ``verb`` on ``resource`` in the namespace, as the cluster answers."""
        from kubernetes.client import AuthorizationV1Api

        kind, _, part = resource.partition("/")
        asked = {"group": group, "resource": kind, "subresource": part, "verb": verb, "namespace": self.namespace}
        review = AuthorizationV1Api(self.client).create_self_subject_access_review
        answer = self._read("ask for our rights", review, {"spec": {"resourceAttributes": asked}})
        return bool(answer.status.allowed)

    def rayjob(self, name: str) -> Manifest:
        """Return a RayJob."""
        found: Manifest = self._read(
            f"get RayJob {name}", self._custom.get_namespaced_custom_object, *self._of, name
        )
        return found

    def rayjobs(self, selector: str) -> list[Manifest]:
        """Return the RayJobs that match the label selector."""
        listed = self._custom.list_namespaced_custom_object
        return list(self._read("list RayJobs", listed, *self._of, label_selector=selector)["items"])

    def create_rayjob(self, rayjob: Manifest) -> Manifest:
        """Create a RayJob and return it as the server stored it."""
        made = self._custom.create_namespaced_custom_object
        created: Manifest = self._call("create a RayJob", made, *self._of, rayjob)
        return created

    def delete_rayjob(self, name: str) -> None:
        """Delete a RayJob, and with it its cluster, its submitter and its ConfigMap."""
        self._call(f"delete RayJob {name}", self._custom.delete_namespaced_custom_object, *self._of, name)

    def create_config_map(self, manifest: Manifest) -> None:
        """Create a ConfigMap."""
        made = self._core.create_namespaced_config_map
        self._call("create a ConfigMap", made, self.namespace, manifest, _preload_content=False)

    def pods(self, selector: str) -> list[Manifest]:
        """Return the pods that match the label selector as plain data, the oldest first."""
        listed = self._core.list_namespaced_pod
        found = self._read("list pods", listed, self.namespace, label_selector=selector, _preload_content=False)
        pods: list[Manifest] = json.loads(found.data)["items"]
        return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))

    def delete_pod_now(self, name: str) -> None:
        """Delete a pod without a grace period."""
        delete, options = self._core.delete_namespaced_pod, {"grace_period_seconds": 0, "_preload_content": False}
        self._call(f"delete pod {name}", delete, name, self.namespace, **options)

    def log(self, pod: str, follow: bool) -> Iterator[str]:
        """Yield the lines of a pod's log as they come; a broken connection ends them early."""
        from urllib3.exceptions import HTTPError

        read = self._core.read_namespaced_pod_log
        # A training sweep may write nothing for hours.
        timeout_s = None if follow else TIMEOUT_S
        options = {"follow": follow, "_preload_content": False, "_request_timeout": timeout_s}
        response = self._read(f"read the log of pod {pod}", read, pod, self.namespace, **options)
        rest = b""
        try:
            for part in response.stream(decode_content=True):
                *lines, rest = (rest + part).split(b"\n")
                yield from (line.decode("utf-8", "replace") for line in lines)
        except HTTPError:
            return
        finally:
            response.close()
        if rest:
            yield rest.decode("utf-8", "replace")

    def execute(self, pod: str, container: str, command: list[str]) -> str:
        """Run a command in a container and return its output. Raises KubernetesError where it fails."""
        from kubernetes.stream import stream

        action, exec_in = f"run a command in pod {pod}", self._core.connect_get_namespaced_pod_exec
        options = {"stdin": False, "stdout": True, "stderr": True, "tty": False, "_preload_content": False}
        channel = self._call(
            action, stream, exec_in, pod, self.namespace, container=container, command=command, **options
        )
        channel.run_forever(timeout=TIMEOUT_S)
        ended_well = _ended_well(channel)
        printed = str(channel.read_all())
        channel.close()
        if not ended_well:
            raise KubernetesError(f"{self.place}: `{' '.join(command)}` failed in pod {pod}: {printed.strip()}")
        return printed

    def _read(self, action: str, ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Make a call that changes nothing; repeat it while the API server is busy, for 7.5 s at most."""
        for pause_s in _PAUSES_S:
            try:
                return self._call(action, ask, *arguments, **options)
            except KubernetesError as error:
                if error.status not in _PASSING:
                    raise
            time.sleep(pause_s)
        return self._call(action, ask, *arguments, **options)

    def _call(self, action: str, ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return ask(*arguments, **({"_request_timeout": TIMEOUT_S} | options))
        except ApiException as error:
            raise KubernetesError(f"{self.place}: cannot {action}: {self._why(error)}", error.status) from error
        except HTTPError as error:
            host = self.client.configuration.host
            text = f"{self.place}: cannot {action}: the cluster at {host} does not answer ({type(error).__name__})"
            raise KubernetesError(f"{text}; does `kubectl get --raw /version` work with this context?") from error

    def _why(self, error: ApiException) -> str:
        said = _message(error)
        remedies = {
            401: "your credentials are refused: `kubectl auth whoami` says who you are to this cluster",
            403: f"{said}; ask for the role paceline-submitter of namespace {self.namespace} (k8s/README.md)",
            404: f"{said}; has `kubectl apply -k k8s/overlays/...` been run here, and KubeRay installed?",
            409: f"{said}; it was submitted before",
        }
        return remedies.get(error.status, said)

    @property
    def _of(self) -> tuple[str, str, str, str]:
        return _GROUP, _VERSION, self.namespace, _KIND

    @cached_property
    def _custom(self) -> Any:
        from kubernetes.client import CustomObjectsApi

        return CustomObjectsApi(self.client)

    @cached_property
    def _core(self) -> Any:
        from kubernetes.client import CoreV1Api

        return CoreV1Api(self.client)


def connect(context: str, namespace: str) -> Api:
    """Return a client for a namespace of the kubeconfig's ``context``; empty: the current context.

    Raises KubernetesError where there is no such context, or the Kubernetes client is not installed.
    """
    place = f"k8s:{context}/{namespace}"
    try:
        from kubernetes import config
        from kubernetes.client import Configuration
    except ModuleNotFoundError as error:
        raise KubernetesError(f"{place} needs Kubernetes' client: pip install 'paceline[k8s]'") from error
    settings = Configuration()
    settings.retries = False
    file = os.environ.get("KUBECONFIG")
    try:
        return Api(config.new_client_from_config(file, context or None, settings), place, namespace)
    except config.ConfigException as error:
        raise KubernetesError(f"{place}: {_unknown(context) or error}") from error


def _unknown(context: str) -> str | None:
    """Return a message with the valid contexts if the kubeconfig lacks ``context``, else None."""
    from kubernetes import config

    try:
        known = [each["name"] for each in config.list_kube_config_contexts(os.environ.get("KUBECONFIG"))[0]]
    except config.ConfigException:
        return None
    if not context or context in known:
        return None
    meant = nearest(context, known)
    return f"there is no context {context!r}" + (
        f", did you mean {meant}?" if meant else f"; known: {', '.join(known)}"
    )


def _ended_well(channel: Any) -> bool:
    """Whether the command ended with exit code 0. The client raises where the answer holds no exit code."""
    try:
        return not channel.is_open() and channel.returncode == 0
    except (TypeError, KeyError, IndexError, ValueError):
        return False


def _message(error: ApiException) -> str:
    """Return the API server's message, else the HTTP status."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return f"HTTP {error.status} {error.reason}"
