"""Transfer learning: torchvision's networks by name, as fixed features of a linear classifier or fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.hyperparameters import hyper
from workloads.registry import DataShape, Infeasible, Workload
from workloads.training import Training

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data import SearchData
    from workloads.resident import ResidentData

# name -> smallest side in pixels that its strides and poolings leave something of
BACKBONES: dict[str, int] = {
    "resnet18": 8,
    "resnet34": 8,
    "resnet50": 8,
    "vgg11": 32,
    "vgg16": 32,
    "vgg19": 32,
    "inception_v3": 75,
    "mobilenet_v3_small": 8,
    "mobilenet_v3_large": 8,
    "efficientnet_b0": 8,
    "efficientnet_b4": 8,
    "convnext_tiny": 32,
    "convnext_small": 32,
    "vit_b_16": 16,
    "vit_b_32": 32,
}
PATCHES = {"vit_b_16": 16, "vit_b_32": 32}


@dataclass(frozen=True, kw_only=True)
class TransferHyperparameters(Training):
    """Which network, how much of it is trained, and how."""

    backbone: str = hyper("resnet18", "torchvision's name", choices=tuple(BACKBONES), shapes=True, prepares=True)
    weights: str = hyper(
        "default",
        "default: torchvision's own; none: random; else a file of weights or an MLflow model URI",
        shapes=True,
        prepares=True,
    )
    mode: str = hyper(
        "feature_extraction",
        "a classifier on the fixed network's features, computed once, or the network trained further",
        choices=("feature_extraction", "fine_tuning"),
        shapes=True,
        prepares=True,
    )
    size: int = hyper(
        0,
        "side in pixels: the shorter side is resized to it, the longer one cropped; 0: as the data has them",
        low=0,
        high=2048,
        shapes=True,
        prepares=True,
    )
    unfrozen: int = hyper(
        1, "fine_tuning: stages trained, counted from the output; the others keep their weights", low=0, shapes=True
    )
    backbone_lr_ratio: float = hyper(
        0.1, "fine_tuning: the network's learning rate as a share of the classifier's", low=0, high=1
    )
    dropout: float = hyper(0.0, "share of features dropped in training", low=0, high=1, high_open=True)


def check(hp: TransferHyperparameters, shape: DataShape) -> None:
    """Raises Infeasible for images that the network cannot take, and for weights that are not its own."""
    _check_size(hp, shape)
    if hp.weights == "none":
        return
    from workloads.weights import WeightsError, load_into, network

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
    """Features (batch, features), or in fine_tuning images (batch, channels, height, width), to logits."""
    from workloads.backbones import Tuned, backbone, head

    if hp.mode == "feature_extraction":
        return head(shape.example[0], shape.num_outputs, hp.dropout)
    _check_size(hp, shape)
    return Tuned(backbone(hp, shape), shape, hp)


def data(hp: TransferHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """The features of all images, computed once for all trials; for fine_tuning the images themselves."""
    from workloads.backbones import extracted
    from workloads.pictures import pictures

    images = pictures(hp.size, search, device, dtype)
    _check_size(hp, images.shape)
    return images if hp.mode == "fine_tuning" else extracted(hp, images)


def fuses(hp: Any) -> bool:
    """Classifiers on fixed features are fused; whole networks, of which parts stand still, are not."""
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
    problems={"image": ("classification",)},
    build=build,
    check=check,
    fusable=fuses,
    half=True,
    data=data,
    streams=False,
    recordable=True,
)
