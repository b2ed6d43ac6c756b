"""What a run refuses before it reads anything, what its options do, and what it reads again when it goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from toy import ToyInputs, toy_app, toy_example, toy_examples

from scriba.core.data import TrainingSet
from scriba.core.errors import InputError, TooLong, UsageError
from scriba.core.example import Example
from scriba.core.files import load_bundle
from scriba.core.inputs import Draw
from scriba.core.model import AttentionConfig, DecoderConfig, HeadLengths
from scriba.core.search import DecodingConfig, Scored
from scriba.core.training import NamedSource, RunConfig, Sources, train
from scriba.core.training.config import LossConfig, TrainingConfig, check_run

TEXTS = ["ab", "ba", "abc", "cab"]


def config(folder: Path, **options: Any) -> RunConfig:
    """A run of two short epochs."""
    return replace(
        RunConfig(
            attention=AttentionConfig(size=8),
            decoder=DecoderConfig(size=8, embedding_size=4),
            loss=LossConfig(ctc_weight=0.5),
            training=TrainingConfig(epochs=2, batch_size=2, log_every=1),
            run_dir=str(folder),
            device="cpu",
            precision="float32",
        ),
        **options,
    )


def dev_scores(folder: Path) -> dict[str, float]:
    """Return the last scores on dev in the log."""
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    last: dict[str, float] = [line for line in lines if line["kind"] == "dev"][-1]
    return last


class CountingInputs(ToyInputs):
    """The toy's inputs, which remember how often they are measured and prepared."""

    def __init__(self) -> None:
        self.measured = 0
        self.prepared: list[str] = []

    def measure(self, example: Example) -> int:
        self.measured += 1
        return len(super().prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        self.prepared.append(example.id)
        return super().prepare(example, draw)


class NoExamples:
    """A source that must not be read."""

    def __iter__(self) -> Any:
        raise AssertionError("the source was read")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"decoding": DecodingConfig("joint"), "loss": LossConfig(0.0)}, "--decoding.method joint: .* one head only"),
        ({"decoding": DecodingConfig("ctc"), "loss": LossConfig(0.0)}, "--decoding.method ctc: .* no such head"),
        ({"decoding": DecodingConfig(beam_size=0)}, "--decoding.beam_size 0: give 1 to 1000"),
        ({"decoding": DecodingConfig(n_best=3)}, "--decoding.n_best 3: give 1 to the beam size"),
        ({"decoding": DecodingConfig(lm_weight=0.5)}, "--decoding.lm_weight 0.5: name the language model"),
        ({"training": TrainingConfig(log_every=0)}, "--training.log_every 0: give 1 or more"),
        ({"training": TrainingConfig(eval_every=0)}, "--training.eval_every 0: give 1 or more"),
        ({"training": TrainingConfig(checkpoint_every=0)}, "--training.checkpoint_every 0: give 1 or more"),
        ({"training": TrainingConfig(accumulate=0)}, "--training.accumulate 0: give 1 or more"),
        ({"heads": "ctc"}, "--loss.ctc_weight 0.5: with --heads ctc give 1"),
        ({"heads": "attention"}, "--loss.ctc_weight 0.5: with --heads attention give 0"),
        ({"loss": LossConfig(samples=1)}, "--loss.samples 1: give 2 or more"),
    ],
)
def test_senseless_options_are_refused_before_anything_is_read(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=told):
        train(toy_app(), config(tmp_path / "run", **options), Sources(NamedSource("toy", NoExamples())))
    assert not (tmp_path / "run").exists()


def test_a_joint_search_on_dev_is_one(tmp_path: Path) -> None:
    """The method that was asked for is scored beside the heads, chooses the best weights and is the bundle's."""
    examples = toy_examples(TEXTS)
    settings = config(tmp_path, decoding=DecodingConfig("joint", beam_size=3))
    standing = train(toy_app(), settings, Sources(NamedSource("toy", examples), NamedSource("dev", examples)))
    scores = dev_scores(tmp_path)
    assert {"joint_cer", "ctc_cer", "attention_cer"} <= scores.keys()
    best = min(json.loads(line)["joint_cer"] for line in (tmp_path / "log.jsonl").open() if '"dev"' in line)
    assert standing.best == best
    assert load_bundle(tmp_path / "bundle").config["decoding"]["method"] == "joint"


@pytest.mark.parametrize(("weight", "method"), [(0.0, "attention"), (0.5, "ctc"), (1.0, "ctc")])
def test_auto_is_the_head_there_is(weight: float, method: str, tmp_path: Path) -> None:
    """Without a word about it CTC is decoded where there is CTC; a bundle says which it was."""
    examples = toy_examples(TEXTS)
    train(toy_app(), config(tmp_path, loss=LossConfig(weight)), Sources(NamedSource("toy", examples)))
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.config["decoding"]["method"] == method
    assert bundle.config["heads"] == {0.0: "attention", 0.5: "both", 1.0: "ctc"}[weight]


class Loud:
    """A language model that wants one token only."""

    name = "lm"
    of_input = False
    only_falls = True

    def __init__(self, wanted: int, vocabulary: int) -> None:
        self.gains_V = torch.full((vocabulary,), -50.0, dtype=torch.double)
        self.gains_V[[1, wanted]] = -0.7

    def start(self, batch: int, beam_size: int, device: torch.device) -> None:
        return None

    def score(self, state: None, tokens_BK: Tensor) -> Scored:
        return Scored(self.gains_V.expand(*tokens_BK.shape, -1), None)

    def advance(self, state: None, parents_BK: Tensor, tokens_BK: Tensor) -> None:
        return None


def test_dev_is_scored_with_the_language_model(tmp_path: Path) -> None:
    """What the model decodes by after training is what chooses its weights: a bad language model is heard on dev."""
    examples = toy_examples(["aa", "aaa", "a", "aaaa"])
    plan = TrainingConfig(epochs=60, batch_size=4, learning_rate=0.02, ema_decay=0.9, eval_every=60)
    options = {"training": plan, "decoding": DecodingConfig("attention", beam_size=2, lm="any", lm_weight=1.0)}
    heard: list[int] = []

    def run(name: str, wanted: str) -> float:
        def language(tokenizer: Any) -> Loud:
            heard.append(len(tokenizer))
            return Loud(tokenizer.encode(wanted)[0], len(tokenizer))

        sources = Sources(NamedSource("toy", [*examples, toy_example("b", "bb")]), NamedSource("dev", examples))
        train(toy_app(), config(tmp_path / name, **options), replace(sources, language=language))
        return dev_scores(tmp_path / name)["attention_cer"]

    assert run("good", "a") < 20 and run("bad", "b") > 50 and heard == [5, 5]


def test_a_run_that_goes_on_reads_nothing_again(tmp_path: Path) -> None:
    """The check of the same data is remembered; of other data, or another reading of it, it is made anew."""
    examples = toy_examples([*TEXTS, ""])
    counting = CountingInputs()
    app = toy_app(inputs=lambda config: counting)
    stopped = config(tmp_path, training=TrainingConfig(epochs=2, batch_size=2, max_steps=1))
    settings = replace(stopped, data=replace(stopped.data, max_lost=0.3))
    sources = Sources(NamedSource("toy", examples), NamedSource("dev", examples[:2]))
    train(app, settings, sources)
    assert counting.measured == len(TEXTS) + 2
    (tmp_path / "checkpoints" / "last").unlink()
    counting.measured = 0
    train(app, settings, sources)
    assert counting.measured == 0
    (tmp_path / "checkpoints" / "last").unlink()
    other = [*examples[:-2], toy_example("toy-3", "cba"), examples[-1]]
    train(app, settings, replace(sources, training=NamedSource("toy", other)))
    assert counting.measured == len(TEXTS)


def test_a_finished_run_does_not_even_look_at_its_data(tmp_path: Path) -> None:
    """The checkpoint comes first."""
    settings = config(tmp_path)
    train(toy_app(), settings, Sources(NamedSource("toy", toy_examples(TEXTS))))
    assert train(toy_app(), settings, Sources(NamedSource("toy", NoExamples()))).finished


def test_without_ctc_nothing_has_to_be_aligned(tmp_path: Path) -> None:
    """A target longer than its input is prepared once, augmented, without CTC; with CTC the plain input is taken."""
    example = toy_example("tight", "aab", frames_per_character=1)
    for positions, prepared in ((None, 1), (HeadLengths(toy_app().encoder(RunConfig())), 2)):
        counting = CountingInputs()
        data = TrainingSet(counting, [example], [[3, 3, 4]], positions, seed=1)
        data[(0, 0)]
        assert len(counting.prepared) == prepared


def test_why_an_example_is_dropped_is_told_by_what_was_raised(tmp_path: Path, capsys: Any) -> None:
    """A sentence may say "longer than" and mean something else."""

    class Picky(ToyInputs):
        def measure(self, example: Example) -> int:
            if example.id == "toy-0":
                raise TooLong("toy-0: takes too much.")
            if example.id == "toy-1":
                raise InputError("toy-1: its header is longer than the file.")
            return super().measure(example)

    settings = config(tmp_path)
    settings = replace(settings, data=replace(settings.data, max_lost=0.9))
    train(toy_app(inputs=lambda config: Picky()), settings, Sources(NamedSource("toy", toy_examples(TEXTS))))
    told = capsys.readouterr().err
    assert "dropped, too long: 1" in told and "dropped, unreadable: 1" in told


def test_heads_are_an_option_of_their_own(tmp_path: Path) -> None:
    """A head that the loss does not train may exist: it keeps its weights."""
    examples = toy_examples(TEXTS)
    settings = config(tmp_path, heads="both", loss=LossConfig(0.0), decoding=DecodingConfig("attention"))
    check_run(settings)
    train(toy_app(), settings, Sources(NamedSource("toy", examples), NamedSource("dev", examples)))
    assert {"ctc_cer", "attention_cer"} <= dev_scores(tmp_path).keys()
    assert load_bundle(tmp_path / "bundle").config["heads"] == "both"
