"""Loads weights of torchvision's networks: their own by name, a local file, or a model in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces.types.error_text import first_line
from workloads.files import mlflow_models

if TYPE_CHECKING:
    from torch import Tensor, nn

SHOWN = 5


class WeightsError(Exception):
    """Raised for weights that cannot be used; the message is one plain sentence for the user."""


def network(name: str, side: int) -> nn.Module:
    """Return network ``name`` for images of ``side`` pixels, without classifier, with weights of a fixed seed."""
    import torch
    from torchvision.models import get_model

    extra = {"aux_logits": False, "init_weights": False} if name == "inception_v3" else {}
    sizes = {"image_size": side} if name.startswith("vit_") else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net: nn.Module = get_model(name, weights=None, **extra, **sizes)
    net.set_submodule(classifier(net), torch.nn.Identity())
    return net


def classifier(net: nn.Module) -> str:
    """Return the name of the last linear layer, which classifies another data set's classes."""
    from torch import nn

    names: list[str] = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    return names[-1]


def load_into(net: nn.Module, name: str, weights: str) -> None:
    """Load ``weights`` into ``net``. Raises WeightsError where they cannot be loaded or do not fit.

    Further weights are ignored: those of the classifier and of auxiliary outputs.
    """
    if weights == "none":
        return
    state = _state(name, weights)
    own = net.state_dict()
    lacking = [key for key in own if key not in state]
    unlike = [key for key in own if key in state and state[key].shape != own[key].shape]
    if lacking or unlike:
        raise WeightsError(_mismatch(name, weights, {key: (state.get(key), own[key]) for key in lacking + unlike}))
    net.load_state_dict({key: state[key] for key in own})


def _mismatch(name: str, weights: str, found: Mapping[str, tuple[Tensor | None, Tensor]]) -> str:
    shown = [
        f"{key} ({'is missing' if theirs is None else f'is {tuple(theirs.shape)}, not {tuple(ours.shape)}'})"
        for key, (theirs, ours) in list(found.items())[:SHOWN]
    ]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"parameters.weights: {weights!r} are not those of backbone {name}: {', '.join(shown)}{more}"


def _state(name: str, weights: str) -> Mapping[str, Tensor]:
    if weights == "default":
        return _downloaded(name)
    if mlflow_models.is_of_mlflow(weights):
        return _from_mlflow(weights)
    return _from_file(Path(weights).expanduser())


def _downloaded(name: str) -> Mapping[str, Tensor]:
    from torchvision.models import get_model_weights

    found = get_model_weights(name).DEFAULT
    try:
        state: Mapping[str, Tensor] = found.get_state_dict(check_hash=True)
    except OSError as error:
        import torch

        folder = Path(torch.hub.get_dir()) / "checkpoints"
        file = found.url.rsplit("/", 1)[-1]
        raise WeightsError(
            f"parameters.weights: 'default' of backbone {name} cannot be downloaded ({error}): put the file {file} "
            f"into {folder}, or name a file of weights, or none"
        ) from error
    return state


def _from_mlflow(uri: str) -> Mapping[str, Tensor]:
    if mlflow_models.open_module is None:
        raise WeightsError(f"parameters.weights: {uri!r} can only be opened by a sweep, which knows MLflow")
    try:
        model = mlflow_models.open_module(uri)
    except Exception as error:  # a store may raise anything
        reason = first_line(error)
        raise WeightsError(f"parameters.weights: {uri!r} cannot be loaded from MLflow: {reason}") from error
    return _stripped(model.state_dict())


def _from_file(path: Path) -> Mapping[str, Tensor]:
    import pickle

    import torch

    if not path.is_file():
        raise WeightsError(f"parameters.weights: there is no file {str(path)!r} (or say default, or none)")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = first_line(error)
        raise WeightsError(
            f"parameters.weights: {str(path)!r} is refused: it must hold weights alone ({reason})"
        ) from error
    state = state.get("model", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsError(
            f"parameters.weights: {str(path)!r} is refused: it must hold a state_dict, names to tensors"
        )
    return _stripped(state)


def _stripped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under torchvision's names, where the network was part of a model of this workload."""
    marks = [
        key.rpartition("net.")[0] + "net." for key in state if "body.net." in key or "preprocess.1.net." in key
    ]
    prefix = marks[0] if marks else ""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
