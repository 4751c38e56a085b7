"""A folder with a tiny text encoder of random weights, as one that was pre-trained."""

from __future__ import annotations

import atexit
import os
from tempfile import TemporaryDirectory

FOLDER = "TESTS_SMALL_ENCODER"


def without_dropout() -> str:
    """Return a folder with an encoder that draws no noise: this process's, or that of the one that started it.

    Where processes are a group of torch's, transformers saves nothing but in the first.
    """
    if FOLDER not in os.environ:
        os.environ[FOLDER] = _made()
    return os.environ[FOLDER]


def _made() -> str:
    from workloads.models.language.hyperparameters import LanguageHyperparameters
    from workloads.models.language.pretrained import encoder_of, tokens_of

    folder = TemporaryDirectory(ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    net = encoder_of(LanguageHyperparameters(model="none")).net
    net.config.hidden_dropout_prob = net.config.attention_probs_dropout_prob = 0.0
    net.save_pretrained(folder.name)
    tokens_of("none", 128).tokenizer.save_pretrained(folder.name)
    return folder.name
