"""Hyperparameters of transfer learning, and the backbones to choose from."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.space.hyperparameters import hyper
from workloads.hyperparameters import Training

# name -> smallest side in pixels that its strides and poolings do not shrink to nothing
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
"""Side of a patch in pixels, for transformers: an image's side must be a multiple of it."""


@dataclass(frozen=True, kw_only=True)
class TransferHyperparameters(Training):
    """Hyperparameters of transfer learning: the backbone, how much of it is trained, and the training."""

    backbone: str = hyper(
        "resnet18",
        "pretrained network, by its name in torchvision",
        choices=tuple(BACKBONES),
        shapes=True,
        prepares=True,
    )
    weights: str = hyper(
        "default",
        "initial weights; default: torchvision's; none: random; else a file of weights or an MLflow model URI",
        shapes=True,
        prepares=True,
        is_path=True,
    )
    mode: str = hyper(
        "feature_extraction",
        "train a classifier on features that are computed once, or also the last stages of the network",
        choices=("feature_extraction", "fine_tuning"),
        shapes=True,
        prepares=True,
    )
    size: int = hyper(
        0,
        "image size in pixels: the shorter side is resized to it, the longer one cropped; 0: the data's own size",
        low=0,
        high=2048,
        shapes=True,
        prepares=True,
    )
    unfrozen: int = hyper(
        1,
        "fine_tuning: number of stages that are trained, counted from the output; the others stay frozen",
        low=0,
        shapes=True,
        when={"mode": ("fine_tuning",)},
    )
    backbone_lr_ratio: float = hyper(
        0.1,
        "fine_tuning: learning rate of the network, as a fraction of the classifier's",
        low=0,
        high=1,
        when={"mode": ("fine_tuning",)},
    )
    dropout: float = hyper(0.0, "dropout rate of the features", low=0, high=1, high_open=True)
