"""Transfer learning: torchvision's networks by name, as fixed features of a linear classifier or fine-tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workloads.arrays import DataShape, Infeasible
from workloads.contract import Workload
from workloads.models.transfer.hyperparameters import BACKBONES, PATCHES, TransferHyperparameters
from workloads.models.transfer.weights import WeightsError, load_into, network

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.training.batches import ResidentData


def check(hp: TransferHyperparameters, shape: DataShape) -> None:
    """Raise Infeasible for images that the network cannot take, and for weights that cannot be loaded or fit.

    The weights are loaded for this, which may download them.
    """
    _check_size(hp, shape)
    if hp.weights == "none":
        return
    try:
        load_into(network(hp.backbone, hp.size or shape.example[-1]), hp.backbone, hp.weights)
    except WeightsError as error:
        raise Infeasible(str(error)) from error


def _check_size(hp: TransferHyperparameters, shape: DataShape) -> None:
    num_channels, *sides = shape.example
    sides = [hp.size, hp.size] if hp.size else sides
    if num_channels not in (1, 3):
        raise Infeasible(f"backbone {hp.backbone} takes 1 or 3 channels, the images have {num_channels}")
    if min(sides) < BACKBONES[hp.backbone]:
        least = BACKBONES[hp.backbone]
        shown = " x ".join(map(str, sides))
        raise Infeasible(
            f"backbone {hp.backbone} needs images of {least} pixels a side, not {shown}: size: {least}"
        )
    patch = PATCHES.get(hp.backbone)
    if patch and (sides[0] != sides[1] or sides[0] % patch):
        raise Infeasible(f"backbone {hp.backbone} needs square images of a multiple of {patch} pixels: size: 224")
    if patch and hp.weights == "default" and sides[0] != 224:
        raise Infeasible(f"torchvision's weights of {hp.backbone} are for images of 224 pixels: size: 224")


def build(hp: TransferHyperparameters, shape: DataShape) -> nn.Module:
    """Return a network to logits, from features (batch, features), or for fine_tuning from images in 0 to 1."""
    from workloads.layers.frozen_features import head  # 1,200 ms: torch
    from workloads.models.transfer.backbones import Tuned, backbone  # 1,200 ms: torch

    if hp.mode == "feature_extraction":
        return head(shape.example[0], shape.num_outputs, hp.dropout)
    _check_size(hp, shape)
    return Tuned(backbone(hp, shape), shape, hp)


def data(hp: TransferHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return the features of all images, computed once for all trials; for fine_tuning the images themselves."""
    from workloads.models.transfer.backbones import extracted  # 1,200 ms: torch
    from workloads.training.image_inputs import pictures  # 1,200 ms: torch

    images = pictures(hp.size, search, device, dtype)
    _check_size(hp, images.shape)
    return images if hp.mode == "fine_tuning" else extracted(hp, images)


def fuses(hp: Any) -> bool:
    """Return whether members are fused: classifiers on fixed features are, partly frozen networks are not."""
    return bool(hp.mode == "feature_extraction")


TRANSFER = Workload(
    name="transfer",
    summary="torchvision's networks with trained weights: fixed features, or fine-tuned",
    hyperparameters=TransferHyperparameters,
    space={
        "lr": {"min": 1e-4, "max": 1e-1, "log": True},
        "batch_size": {"values": [32, 64]},
        "weight_decay": {"min": 1e-6, "max": 1e-1, "log": True},
        "dropout": {"min": 0.0, "max": 0.5},
    },
    init_values={"weights": "none"},
    problems={"image": ("classification",)},
    build=build,
    check=check,
    fusable=fuses,
    half=True,
    data=data,
    streams=False,
    recordable=True,
)
