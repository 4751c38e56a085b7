"""Causal models: every token counts once, and the same in any batch; what is trained is kept; texts go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.causal_data import TEXT, pair_data, part, text_data, tiny_network
from tests.helpers.workload_data import train, trainee
from workloads.arrays import DataShape, Infeasible
from workloads.data.sentences.describe import rows_of
from workloads.models.language.causal.check import check_causal
from workloads.models.language.causal.codes import Read, Row, matrix, num_counted, packed
from workloads.models.language.causal.decoder import Decoder, decoder_of
from workloads.models.language.causal.sample import Manner, written
from workloads.models.language.causal.tokens import CausalTokens, examples, windows
from workloads.models.language.causal.tuned import TunedDecoder
from workloads.models.language.folder import positions
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.pretrained import encoder_of, tokens_of
from workloads.models.language.workload import check
from workloads.registry import workload
from workloads.tasks.next_tokens import NextTokens
from workloads.training.evaluate import evaluate
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup

TYPES = ["gpt2", "gpt_neo", "gemma2", "qwen3", "opt"]
PAIRS = [
    ("2 + 3 = ", "5"),
    ("", "alone"),
    ("x" * 40, "y" * 9),
    ("one more ", "😀 and so on"),
    ("a", ""),
    ("b", "z" * 99),
]
TEXTS = DataShape((4,), 20, "language")


def tokens(max_length: int = 24) -> CausalTokens:
    return CausalTokens.of("none", max_length)


def own_loss(net: Any, row: Row) -> tuple[float, int]:
    """The sum of transformers' own loss over the tokens of a row that count, and their number."""
    read = Read.of(matrix([row]))
    labels = torch.where(read.counts, read.tokens, -100)
    number = int(read.counts.sum())
    if not number:
        return 0.0, 0
    return float(net(input_ids=read.tokens, labels=labels).loss) * number, number


@torch.no_grad()
@pytest.mark.parametrize("kind", TYPES)
def test_a_split_s_loss_is_that_of_transformers_over_all_its_tokens(kind: str) -> None:
    net = tiny_network(kind)
    rows = examples(tokens(), PAIRS) + windows(tokens(), TEXT[:200], train=False)
    found = Decoder(net)(matrix(rows))
    sums = [own_loss(net, row) for row in rows]
    torch.testing.assert_close(found[:, 0], torch.tensor([nats for nats, _ in sums]), rtol=1e-5, atol=1e-4)
    assert found[:, 3].tolist() == [number for _, number in sums]
    measured = NextTokens().metrics(
        {name: found[None, :, k] for k, name in ((0, "nats"), (1, "hits"), (3, "number"), (4, "characters"))},
        torch.zeros(len(rows)),
    )
    whole = sum(nats for nats, _ in sums) / sum(number for _, number in sums)
    assert float(measured["loss"]) == pytest.approx(whole, rel=1e-5)
    assert float(measured["perplexity"]) == pytest.approx(torch.tensor(whole).exp().item(), rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("kind", [*TYPES[:-1], "none"])
def test_a_row_alone_equals_the_same_in_a_batch_and_in_a_row_of_several_examples(kind: str) -> None:
    net = decoder_of(LanguageHyperparameters(model="none")).net if kind == "none" else tiny_network(kind)
    rows = examples(tokens(), PAIRS * 3)
    alone = torch.cat([Decoder(net)(matrix([row])) for row in rows])
    torch.testing.assert_close(Decoder(net)(matrix(rows)), alone, rtol=1e-5, atol=2e-5)
    together = packed(rows, 24)
    assert len(together) < len(rows) and max(len(row.codes) for row in together) <= 24
    found = Decoder(net, packs=True)(matrix(together))
    torch.testing.assert_close(found.sum(0), alone.sum(0), rtol=1e-5, atol=1e-5)


def test_examples_that_share_a_row_without_places_of_their_own_would_see_each_other() -> None:
    rows = examples(tokens(64), PAIRS[:4])
    net, together = tiny_network("gpt2"), matrix(packed(rows, 64))
    apart, mixed = (Decoder(net, packs)(together).sum(0)[0] for packs in (True, False))
    assert abs(apart - mixed) > 0.1


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("max_length", [8, 25, 500])
def test_each_token_of_a_text_counts_once(train: bool, max_length: int) -> None:
    text = TEXT[:150]
    rows = windows(tokens(max_length), text, train)
    (piece,) = tokens(max_length).pieces([text])
    reads = [Read.of(matrix([row])) for row in rows]
    counted = [token for read in reads for token in read.tokens[read.counts].tolist()]
    assert counted == piece.ids.tolist() and sum(row.characters for row in rows) == len(text)
    assert all(len(row.codes) <= max_length for row in rows)
    bare = CausalTokens(tokens().tokenizer, max_length)
    bare.__dict__["first"] = []  # a tokenizer that puts nothing before a text: its first token cannot be predicted
    rows = windows(bare, text, train)
    assert num_counted(matrix(rows)) == len(piece.ids) - 1 and sum(row.characters for row in rows) == len(text) - 1


def test_a_long_prompt_is_cut_at_its_begin_and_its_completion_stays() -> None:
    spelled = tokens_of("none", 24).tokenizer.decode
    (row,) = examples(tokens(12), [("abcdefghijklmnop", "xyz")])
    read = Read.of(matrix([row]))
    assert spelled(read.tokens[0]) == "[CLS]jklmnopxyz[CLS]" and row.characters == 3
    assert spelled(read.tokens[0][read.counts[0]]) == "xyz[CLS]"
    (row,) = examples(tokens(8), [("abc", "0123456789")])
    read = Read.of(matrix([row]))
    assert spelled(read.tokens[0]) == "[CLS]c012345" and row.characters == 6 == int(read.counts.sum())


@pytest.mark.parametrize("num_tokens", [40, 62, 500])
def test_a_prompt_that_leaves_no_room_for_new_tokens_keeps_what_begins_each_text(
    num_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TunedDecoder(trainee("language", mode="full", max_length=60).hp)
    model.decoder.net = net = tiny_network("llama")
    seen: list[Any] = []
    monkeypatch.setattr(type(net), "generate", lambda _, ids, **how: seen.append((ids, how)) or ids)
    (prompt,) = tokens(60).prompts(["abcdefgh" * 20])
    written(tokens(60), model, [prompt], Manner(num_tokens))
    ids, new = seen[0][0][0].tolist(), seen[0][1]["generation_config"].max_new_tokens
    most = max(2, 64 - num_tokens)
    assert ids == prompt[:1] + prompt[1 - most :] and new == min(num_tokens, 64 - most)


def test_no_row_is_longer_than_positions_that_do_not_depend_on_the_other_rows(tmp_path: Path) -> None:
    short, long = [1.0] * 4, [8.0] * 4
    rope = {"type": "longrope", "short_factor": short, "long_factor": long}
    told = {**tiny_network("phi3").config.to_dict(), "original_max_position_embeddings": 32}
    told = {key: value for key, value in told.items() if key != "rope_parameters"} | {"rope_scaling": rope}
    assert (positions(told), positions({**told, "rope_scaling": None})) == (32, 64)
    net = type(tiny_network("phi3"))(type(tiny_network("phi3").config)(**told)).eval()
    assert positions(net.config.to_dict()) == 32  # as transformers writes it
    texts = [("", "a" * size) for size in (20, 30, 40)]
    one, other, beyond = examples(tokens(60), texts)
    values = [Decoder(net)(matrix(rows))[0] for rows in ([one], [one, other], [one, beyond])]
    torch.testing.assert_close(values[0], values[1], rtol=1e-5, atol=1e-5)
    assert abs(values[0] - values[2])[0] > 1e-3
    net.save_pretrained(tmp_path / "phi")
    tokens().tokenizer.save_pretrained(tmp_path / "phi")
    hp = LanguageHyperparameters(model=str(tmp_path / "phi"), mode="lora", max_length=33)
    with pytest.raises(Infeasible, match=r"max_length: must be at most 32, .* beyond which a text's values"):
        check(hp, TEXTS)
    check(replace(hp, max_length=32), TEXTS)


KEPT = {"full": ("wte", "wpe", "h.0", "h.1", "ln_f"), "last_layers": ("h.1",), "lora": ("lora_A", "lora_B")}


@pytest.mark.parametrize("mode", KEPT)
def test_a_causal_model_learns_and_resumes_as_if_it_had_gone_on(mode: str) -> None:
    member = trainee("language", mode=mode, trained_layers=1, lr=0.003, max_length=32)
    kind = workload("language")
    data = kind.data(member.hp, text_data(), torch.device("cpu"), torch.float32)
    loop, whole = (PlainLoop(Setup(kind, data), member) for _ in range(2))
    losses = [record["train_loss"] for (record,) in train(loop, 1)]
    resumed = PlainLoop(Setup(kind, data), member)
    resumed.load(0, loop.state(0))
    resumed.epoch_done = 1
    losses += [record["train_loss"] for (record,) in train(resumed, 2)]
    assert losses == [record["train_loss"] for (record,) in train(whole, 3)] and losses[-1] < losses[0]
    kept = set(resumed.state(0).model)
    assert (
        all(any(part in name for part in KEPT[mode]) for name in kept) and "decoder.net.lm_head.weight" not in kept
    )
    assert all(any(part in name for name in kept) for part in KEPT[mode])
    if mode == "lora":
        assert {name.split(".")[-4] for name in kept} == {"c_attn", "c_proj", "c_fc"}


def test_micro_batches_of_other_lengths_make_the_same_update() -> None:
    kind = workload("language")
    states = []
    for micro_batch in (0, 3):
        member = trainee("language", mode="full", max_length=32, micro_batch=micro_batch, optimizer="sgd")
        data = kind.data(member.hp, text_data(), torch.device("cpu"), torch.float32)
        loop = PlainLoop(Setup(kind, data), member)
        ((record,),) = train(loop, 1)
        states.append((record["train_loss"], loop.state(0).model))
    assert states[0][0] == pytest.approx(states[1][0], rel=1e-6)
    torch.testing.assert_close(states[0][1], states[1][1], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_train_metrics_are_of_all_tokens_where_the_last_batch_is_a_shorter_row() -> None:
    kind, member = workload("language"), trainee("language", mode="full", max_length=32, batch_size=2, lr=1e-9)
    search = replace(text_data(), train=part(TEXT[:110]))
    data = kind.data(member.hp, search, torch.device("cpu"), torch.float32)
    setup = Setup(kind, data)
    assert len(data.x_train) == 5
    rows = setup.order([member], 0)
    told = NextTokens().evaluate(setup.build(member).eval(), data.x_train[rows], data.y_train)
    found = NextTokens().metrics({name: value[None] for name, value in told.items()}, data.y_train)
    with torch.enable_grad():
        ((record,),) = train(PlainLoop(setup, member), 1)
    assert record["train_loss"] == pytest.approx(float(found["loss"]), rel=1e-5)
    assert record["train_perplexity"] == pytest.approx(float(found["perplexity"]), rel=1e-4)


def test_a_merged_adapter_equals_the_adapter() -> None:
    member = trainee("language", mode="lora", lr=0.02, max_length=32)
    kind = workload("language")
    data = kind.data(member.hp, text_data(), torch.device("cpu"), torch.float32)
    loop = PlainLoop(Setup(kind, data), member)
    train(loop, 1)
    model = loop.model.eval()
    with torch.no_grad():
        adapted = model(data.x_val)
        assert not torch.allclose(decoder_of(member.hp)(data.x_val), adapted, rtol=1e-4)
        for module in [module for module in model.modules() if hasattr(module, "merge")]:
            module.merge()
        torch.testing.assert_close(model(data.x_val), adapted, rtol=1e-5, atol=1e-4)


def test_metrics_are_of_all_tokens_however_rows_are_divided() -> None:
    kind, member = workload("language"), trainee("language", mode="full", max_length=32)
    data = kind.data(member.hp, text_data(), torch.device("cpu"), torch.float32)
    setup = Setup(kind, data)
    model = setup.build(member).eval()
    found = [evaluate(setup.task(), model, data, at_once=size) for size in (1, 5, 0)]
    for other in found[1:]:
        for name, value in found[0].items():
            torch.testing.assert_close(value, other[name], rtol=1e-6, atol=0)
    assert set(found[0]) == {"val_loss", "val_bits_per_character", "val_perplexity", "val_accuracy"}


def test_texts_go_on_as_they_do_alone_and_a_seed_repeats_a_draw() -> None:
    member = trainee("language", mode="full", max_length=32)
    model, made = TunedDecoder(member.hp).eval(), tokens(32)
    prompts = made.prompts(["the king", "a", "", "x" * 50])
    together = written(made, model, prompts, Manner(12))
    assert together == [written(made, model, [row], Manner(12))[0] for row in prompts]
    drawn = [written(made, model, prompts[:1], Manner(12, 1.0, seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    shown = workload("language").exhibit
    data = workload("language").data(member.hp, text_data(), torch.device("cpu"), torch.float32)
    assert shown is not None
    (text,) = shown(Setup(workload("language"), data), model, 3).values()
    assert text.decode().startswith(TEXT[1000:1028]) and "from here on the model" in text.decode()


def test_what_a_folder_says_of_generation_does_not_change_the_likeliest_tokens() -> None:
    member = trainee("language", mode="full", max_length=32)
    model, made = TunedDecoder(member.hp).eval(), tokens(32)
    prompts = made.prompts(["the king"])
    likeliest = written(made, model, prompts, Manner(12))
    habits = model.decoder.net.generation_config
    habits.do_sample, habits.temperature, habits.repetition_penalty, habits.min_length = True, 5.0, 9.0, 40
    assert written(made, model, prompts, Manner(12)) == likeliest
    assert model.decoder.net.generation_config is habits


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders with a tiny encoder, and with a tiny causal model."""
    found = tmp_path_factory.mktemp("encoder"), tmp_path_factory.mktemp("decoder")
    for folder, made in zip(found, (encoder_of, decoder_of), strict=True):
        made(LanguageHyperparameters(model="none")).net.save_pretrained(folder)
        tokens_of("none", 128).tokenizer.save_pretrained(folder)
    return found


def test_a_model_without_the_asked_head_is_refused_with_the_way_out(folders: tuple[Path, Path]) -> None:
    encoder, decoder = map(str, folders)
    check(LanguageHyperparameters(model=decoder, mode="lora"), TEXTS)
    for model, shape, reason in (
        (encoder, TEXTS, r"no head that continues a text.*starcoder2\. To classify.*give data a target"),
        (decoder, DataShape((1,), 2), r"it continues texts: give it data: \{text: FILE\}"),
    ):
        with pytest.raises(Infeasible, match=reason):
            check(LanguageHyperparameters(model=model, mode="lora"), shape)
    with pytest.raises(Infeasible, match="set mode: lora"):
        check(LanguageHyperparameters(model=decoder), TEXTS)
    config = json.loads((folders[1] / "config.json").read_text())
    for told in ({"model_type": "opt"}, {"model_type": "falcon", "alibi": True}):
        (folders[1] / "config.json").write_text(json.dumps({**config, **told}))
        with pytest.raises(Infeasible, match=r"packing: must be false for models of type"):
            check_causal(LanguageHyperparameters(model=decoder, mode="lora", packing=True))
    (folders[1] / "config.json").write_text(json.dumps(config))
    with pytest.raises(Infeasible, match="must be at most 512"):
        check(LanguageHyperparameters(model=decoder, mode="full", max_length=513), TEXTS)


def test_a_saved_model_is_the_one_that_was_saved(folders: tuple[Path, Path]) -> None:
    hp = LanguageHyperparameters(model=str(folders[1]), mode="full")
    x = matrix(windows(tokens(), part(TEXT[:300]).text, train=True))
    with torch.no_grad():
        torch.testing.assert_close(decoder_of(hp)(x), decoder_of(LanguageHyperparameters(model="none"))(x))


def test_only_completions_are_predicted_and_packing_changes_no_value() -> None:
    kind, found = workload("language"), []
    for packing in (False, True):
        member = trainee("language", mode="full", max_length=64, packing=packing, lr=0.003, batch_size=2)
        data = kind.data(member.hp, pair_data(), torch.device("cpu"), torch.float32)
        setup = Setup(kind, data)
        model = setup.build(member).eval()
        found.append(evaluate(setup.task(), model, data))
        told = model(data.x_train).sum(0)
        found[-1]["train"] = told[0] / told[3]
        completions = [pair[1] for pair in rows_of(pair_data().train.x, pair_data().train.columns)]
        assert int(told[3]) == sum(1 + len(text) for text in completions), "bytes, and the token that ends a text"
        loop = PlainLoop(setup, member)
        first, second = (loop.epoch()[0]["train_loss"] for _ in range(2))
        assert second < first
        assert len(data.x_train) < 20 if packing else len(data.x_train) == 40
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-5, atol=0)


def test_what_is_cut_is_told_before_the_start() -> None:
    kind = workload("language")
    assert kind.tryout is not None

    def told(max_length: int) -> str | None:
        hp = LanguageHyperparameters(model="none", mode="lora", max_length=max_length)
        return kind.tryout(hp, pair_data())  # type: ignore[misc]

    assert told(64) is None
    assert "100.0% of the training prompts" in str(told(8)) and "completions" not in str(told(8))


def test_a_sample_is_of_the_prompt_alone() -> None:
    member = trainee("language", mode="full", max_length=64)
    kind = workload("language")
    data = kind.data(member.hp, pair_data(), torch.device("cpu"), torch.float32)
    shown = kind.exhibit(Setup(kind, data), TunedDecoder(member.hp).eval(), 1)  # type: ignore[misc]
    prompt = rows_of(pair_data().val.x, pair_data().val.columns)[0][0]
    assert shown["samples/epoch_0001.txt"].decode().startswith(prompt + "\n---")
