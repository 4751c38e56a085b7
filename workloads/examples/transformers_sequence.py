"""Hugging Face Transformers: a tiny BERT made from a configuration, on made-up sentences; nothing is downloaded.

It brings its own data, and runs on one worker or, with ``resources: {workers: 2}``, on several.
"""

from __future__ import annotations

from typing import Any

from workloads.own_loop import Run

WORDS, LENGTH = 32, 12


def sentences(num_rows: int, seed: int) -> list[dict[str, Any]]:
    """Return sentences of random words, each with the label whether most of them are of the first half."""
    import torch

    drawn = torch.randint(0, WORDS, (num_rows, LENGTH), generator=torch.Generator().manual_seed(seed))
    labels = ((drawn < WORDS // 2).sum(1) > LENGTH // 2).long()
    return [{"input_ids": words, "labels": label} for words, label in zip(drawn, labels, strict=True)]


def accuracy(predictions: Any) -> dict[str, float]:
    """Return the share of right answers: the Trainer calls it ``eval_accuracy``."""
    return {"accuracy": float((predictions.predictions.argmax(-1) == predictions.label_ids).mean())}


def train(run: Run, *, learning_rate: float = 1e-2, warmup_steps: int = 4, hidden_size: int = 16) -> None:
    """Tiny BERT trained by Hugging Face's Trainer, with warm-up and gradients added up over two batches."""
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

    from workloads.bridges import transformers as bridge  # 4,000 ms

    set_seed(run.seed)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=hidden_size,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * hidden_size,
        initializer_range=0.2,
    )
    arguments = TrainingArguments(
        learning_rate=learning_rate,
        warmup_steps=warmup_steps,
        num_train_epochs=run.num_epochs,
        per_device_train_batch_size=32 // run.world_size,
        gradient_accumulation_steps=2,
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="epoch",
        disable_tqdm=True,
        seed=run.seed,
        use_cpu=run.device.type == "cpu",
    )
    trainer = Trainer(
        BertForSequenceClassification(config),
        arguments,
        train_dataset=sentences(256, 1),
        eval_dataset=sentences(64, 2),
        compute_metrics=accuracy,
    )
    trainer.add_callback(bridge.ReportEpochs(run, trainer))
    trainer.train(resume_from_checkpoint=bridge.checkpoint(run))


train.metrics = {"eval_accuracy": "maximize", "eval_loss": "minimize"}  # type: ignore[attr-defined]
