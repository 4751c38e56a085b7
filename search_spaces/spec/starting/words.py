"""What people call kinds of models: the workload that each word means, with the hyperparameters that it fixes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from search_spaces.spec.other_tools.names import plain
from search_spaces.spec.yaml_document import flow
from search_spaces.types.faults import nearest
from search_spaces.types.values import Value


@dataclass(frozen=True)
class Meant:
    """A workload, with hyperparameters that are fixed."""

    workload: str
    fixed: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.workload + (f" with parameters: {flow(dict(self.fixed))}" if self.fixed else "")


_PLAIN: Final = {
    "softmax": "logistic logistic_regression logreg linear linear_model linear_regression perceptron",
    "mlp": "nn dnn fnn feedforward feed_forward neural_network neural_net multilayer_perceptron dense tabular ann",
    "cnn": "convnet conv_net lenet convolutional",
    "image": "image_classification image_classifier vision images wide_resnet wrn",
    "transfer": "fine_tune fine_tuning finetune finetuning transfer_learning pretrained pre_trained",
    "recurrent": "sequence seq seq2seq language_model char_rnn text forecast forecasting time_series timeseries",
    "language": "bert roberta distilbert minilm sentence_transformers huggingface text_classification sentiment",
    "gan": "gans generative generator adversarial",
    "boosted_trees": "boosting gradient_boosting gradient_boosted_trees gbdt gbm gbt trees boosted xgboost xgb "
    "lightgbm lgbm catboost hist_gradient_boosting hist_gradient_boosting_classifier "
    "hist_gradient_boosting_regressor",
}
"""Other words for each workload."""
_VALUES: Final = {
    "recurrent": ("cell", "rnn lstm gru transformer"),
    "gan": ("variant", "dcgan conditional wasserstein_gp progressive"),
    "transfer": (
        "backbone",
        "resnet18 resnet34 resnet50 vgg11 vgg16 vgg19 inception_v3 mobilenet_v3_small mobilenet_v3_large "
        "efficientnet_b0 efficientnet_b4 convnext_tiny convnext_small vit_b_16 vit_b_32",
    ),
}
"""Words that are values of a workload's hyperparameter."""
_FAMILIES: Final = {
    "resnet": "resnet18",
    "vgg": "vgg16",
    "inception": "inception_v3",
    "mobilenet": "mobilenet_v3_small",
    "efficientnet": "efficientnet_b0",
    "convnext": "convnext_tiny",
    "vit": "vit_b_16",
    "vision_transformer": "vit_b_16",
    "cgan": "conditional",
    "conditional_gan": "conditional",
    "wgan": "wasserstein_gp",
    "wasserstein": "wasserstein_gp",
    "wasserstein_gan": "wasserstein_gp",
    "progan": "progressive",
    "progressive_gan": "progressive",
    "vanilla_rnn": "rnn",
    "elman": "rnn",
    "attention": "transformer",
}
"""Words for one of these values."""

WORDS: Final[Mapping[str, Meant]] = {
    **{word: Meant(name) for name, words in _PLAIN.items() for word in words.split()},
    **{word: Meant(name, {key: word}) for name, (key, words) in _VALUES.items() for word in words.split()},
}


def meant(word: object) -> Meant | None:
    """Return the workload that people call ``word``; None where it is no such word."""
    name = plain(word)
    return WORDS.get(_FAMILIES.get(name, name))


def like(word: object) -> Meant | None:
    """Return the workload that people call ``word``, or a word similar to it; None where none is."""
    close = nearest(plain(word), [*WORDS, *_FAMILIES])
    return meant(word) or (meant(close) if close else None)
