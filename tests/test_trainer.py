"""The training loop in one process, on the toy task: what it minimises, skips, keeps and stops at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from toy import BINS, ToyEncoder, ToyInputs, toy_app, toy_example, toy_examples

from scriba.core.errors import InputError, UsageError
from scriba.core.example import Example, Samples
from scriba.core.files import Bundle, load_bundle
from scriba.core.model import AttentionConfig, DecoderConfig, Memory
from scriba.core.scores import ErrorRates
from scriba.core.text import TokenizerConfig
from scriba.core.training import NamedSource, RunConfig, Sources, train
from scriba.core.training.config import DataConfig, LateConfig, LossConfig, TrainingConfig
from scriba.core.training.run_folder import Standing

TEXTS = ["ab", "ba", "abc", "cab", "bca", "acb", "cc", "a b"]


def config(folder: Path, **training: Any) -> RunConfig:
    """A run that learns the toy texts by heart within seconds."""
    plan = TrainingConfig(epochs=100, batch_size=4, learning_rate=0.02, ema_decay=0.9, eval_every=50)
    return RunConfig(
        attention=AttentionConfig(size=16),
        decoder=DecoderConfig(size=24, embedding_size=8, dropout=0.0),
        loss=LossConfig(ctc_weight=0.5, label_smoothing=0.0),
        training=replace(plan, **training),
        run_dir=str(folder),
        device="cpu",
        precision="float32",
    )


def run(
    settings: RunConfig,
    examples: list[Example],
    dev: list[Example] | None = None,
    init: Bundle | None = None,
    **app: Any,
) -> Standing:
    """Train the toy on examples; `app` replaces some of its fields."""
    sources = Sources(NamedSource("toy", examples), None if dev is None else NamedSource("dev", dev), init)
    return train(toy_app(**app), settings, sources)


def log(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


@pytest.mark.parametrize("average", ["none", "ema"])
def test_learns_by_heart_and_leaves_a_complete_run_folder(tmp_path: Path, average: str) -> None:
    """Both heads reach 0 % CER on what they were trained on; every file of the run folder is there and loads."""
    examples = toy_examples(TEXTS)
    standing = run(config(tmp_path, average=average), examples, examples)
    assert standing.finished and standing.best == 0.0
    last = log(tmp_path, "dev")[-1]
    assert last["ctc_cer"] == last["attention_cer"] == 0.0
    assert load_bundle(tmp_path / "bundle").task == "toy"
    assert (tmp_path / "config.yaml").is_file() and (tmp_path / "checkpoints" / "last").is_file()
    assert list((tmp_path / "events").iterdir())


@pytest.mark.parametrize("kind", ["words", "subwords"])
def test_other_units_than_characters(tmp_path: Path, kind: Literal["words", "subwords"]) -> None:
    """Words and subwords are learned as characters are, and travel in the bundle."""
    examples = toy_examples(["ab cd", "cd ab", "dc ab", "ab"])
    settings = replace(config(tmp_path), tokenizer=TokenizerConfig(kind, size=12), loss=LossConfig(0.0, 0.0))
    assert run(settings, examples, examples).best == 0.0
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.tokenizer.encode("ab cd") and bundle.config["decoding"]["method"] == "attention"


def test_every_text_of_an_example_is_trained_on(tmp_path: Path) -> None:
    """Texts are normalised first; an epoch has each pair of input and text once."""
    examples = [replace(example, target=("A, b!", "b a")) for example in toy_examples(["ab", "ba"])]
    settings = config(tmp_path, epochs=1, batch_size=1)
    settings = replace(settings, data=DataConfig(normalise="words"), tokenizer=TokenizerConfig("words"))
    assert run(settings, examples).step == 4
    assert load_bundle(tmp_path / "bundle").tokenizer.to_json() == {"kind": "words", "words": ["a", "b"]}


@pytest.mark.parametrize("higher", [False, True])
def test_the_best_weights_are_those_of_the_best_score(tmp_path: Path, higher: bool) -> None:
    """The lowest or the highest on dev, as the task says; the bundle's card has it."""
    examples = toy_examples(TEXTS)
    scores = ErrorRates(shown=("cer",), higher_is_better=higher)
    standing = run(config(tmp_path, epochs=30, eval_every=5), examples, examples, scores=scores)
    rates = [line["ctc_cer"] for line in log(tmp_path, "dev")]
    assert len(set(rates)) > 1 and standing.best == (max(rates) if higher else min(rates))
    assert f"| ctc_cer | {standing.best:.2f} |" in (tmp_path / "bundle" / "README.md").read_text()


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    """The same command again does nothing more."""
    examples = toy_examples(TEXTS)
    settings = config(tmp_path, epochs=2)
    run(settings, examples)
    before = (tmp_path / "checkpoints" / "last").read_bytes()
    assert run(settings, examples).finished
    assert (tmp_path / "checkpoints" / "last").read_bytes() == before


def test_non_finite_loss_is_named_skipped_and_recovered_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An example that makes the loss NaN is named and skipped, and never reaches the weights."""
    poison = toy_example("poison", "abc")
    assert isinstance(poison.source, Samples)
    poison.source.values[2, 3] = np.nan
    run(config(tmp_path, epochs=4, batch_size=3), [*toy_examples(TEXTS), poison])
    skipped = log(tmp_path, "skipped")
    assert len(skipped) == 4 and all("poison" in line["ids"] for line in skipped)
    assert "poison" in capsys.readouterr().err
    assert all(t.isfinite().all() for t in load_file(tmp_path / "checkpoints" / "last").values())


def test_ten_non_finite_losses_in_a_row_stop(tmp_path: Path) -> None:
    """A model that is beyond rescue stops with a sentence that names the last examples."""
    examples = toy_examples(TEXTS)
    for example in examples:
        example.source.values[:] = np.inf  # type: ignore[union-attr]
    with pytest.raises(InputError, match=r"10 steps in a row, last for toy-\d"):
        run(config(tmp_path), examples)
    assert len(log(tmp_path, "skipped")) == 10


def test_patience_stops_early(tmp_path: Path) -> None:
    """Training ends after `patience` evaluations without improvement."""
    examples = toy_examples(TEXTS)
    settings = config(tmp_path, learning_rate=0.0, eval_every=1, patience=3, average="none")
    standing = run(settings, examples, examples)
    assert standing.epoch == 4 and standing.finished


def test_max_steps_stops_and_still_evaluates(tmp_path: Path) -> None:
    """`max_steps` ends a run in the middle of an epoch, with an evaluation and a bundle."""
    examples = toy_examples(TEXTS)
    standing = run(config(tmp_path, max_steps=3), examples, examples)
    assert standing.step == 3 and log(tmp_path, "dev") and (tmp_path / "bundle" / "model.safetensors").is_file()


def test_accumulation_equals_a_larger_batch_when_batches_are_equal(tmp_path: Path) -> None:
    """Two accumulated batches of equal token counts give the step of one batch that holds both."""
    examples = toy_examples(["ab", "cd", "ef", "gh"])
    common = {"max_steps": 1, "average": "none", "clip_norm": 1e9, "learning_rate": 1e-3, "warmup": 0.0}
    run(config(tmp_path / "one", batch_size=4, **common), examples)
    run(config(tmp_path / "two", batch_size=2, accumulate=2, **common), examples)
    one, two = (load_file(tmp_path / name / "checkpoints" / "last") for name in ("one", "two"))
    for name, moment in one.items():
        if name.endswith("exp_avg"):
            np.testing.assert_allclose(moment, two[name], rtol=1e-3, atol=1e-7, err_msg=name)


def test_a_part_is_trained_late_and_at_its_own_rate(tmp_path: Path) -> None:
    """Until its step the part keeps the weights it began with; a low rate of its own moves it less than a high one."""
    examples = toy_examples(TEXTS)

    def moved(folder: str, **late: Any) -> dict[str, float]:
        settings = config(tmp_path / folder, max_steps=4, average="none", late=LateConfig("encoder.", **late))
        run(settings, examples)
        run(
            replace(
                settings, run_dir=str(tmp_path / f"{folder}-one"), training=replace(settings.training, max_steps=1)
            ),
            examples,
        )
        after, before = (load_file(tmp_path / f / "bundle" / "model.safetensors") for f in (folder, f"{folder}-one"))
        parts: dict[str, float] = {"encoder": 0.0, "decoder": 0.0}
        for name, tensor in after.items():
            part = name.split(".")[0]
            parts[part] = max(parts.get(part, 0.0), float((tensor.float() - before[name].float()).abs().max()))
        return parts

    held, slow, fast = moved("held", from_step=9), moved("slow", learning_rate=1e-3), moved("fast", learning_rate=0.02)
    assert held["encoder"] == 0 < held["decoder"]
    assert 0 < slow["encoder"] < 0.3 * fast["encoder"]
    with pytest.raises(UsageError, match=r"--training.late.part encoda: .*Did you mean 'encoder'"):
        run(config(tmp_path / "wrong", late=LateConfig("encoda")), examples)


class NormedEncoder(ToyEncoder):
    """With batch normalisation, which would learn statistics in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(BINS)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        return super().forward(self.norm(inputs.transpose(1, 2)).transpose(1, 2), lengths_B)


def test_a_frozen_part_stays_as_it_is(tmp_path: Path) -> None:
    """Neither its weights nor its statistics move while the rest is trained; what cannot be frozen is refused."""
    examples, kept = toy_examples(TEXTS), []
    for steps in (1, 4):
        folder = tmp_path / str(steps)
        settings = config(folder, max_steps=steps, average="none", frozen="encoder")
        run(settings, examples, encoder=lambda _: NormedEncoder())
        kept.append(load_file(folder / "bundle" / "model.safetensors"))
    same = {name for name in kept[0] if torch.equal(kept[0][name], kept[1][name])}
    assert same == {name for name in kept[0] if name.startswith("encoder.")} < kept[0].keys()
    with pytest.raises(UsageError, match=r"--training.frozen encoda: .*Did you mean 'encoder'"):
        run(config(tmp_path / "wrong", frozen="encoda"), examples)
    with pytest.raises(UsageError, match=r"--training.late.part encoder: is frozen; .*--training.frozen="):
        run(config(tmp_path / "late", frozen="encoder", late=LateConfig("encoder")), examples)


def test_too_much_lost_data_is_refused(tmp_path: Path) -> None:
    """More than 2 % of unusable rows stop the run before it starts, unless told; every reason is counted."""
    bad = [
        Example("unreadable", Samples(np.zeros((0, 6), np.float32), 1), "ab"),
        toy_example("tight", "aa", frames_per_character=1),
        Example("wordless", toy_example("x", "ab").source, " "),
    ]
    examples = [*toy_examples(TEXTS), *bad]
    with pytest.raises(InputError, match=r"27\.3 % of the rows .* --data\.max_lost 0\.27"):
        run(config(tmp_path), examples)
    settings = config(tmp_path, epochs=1)
    run(replace(settings, data=replace(settings.data, max_lost=0.3)), examples)


class CountingInputs(ToyInputs):
    """Counts the examples that are read by the data check."""

    def __init__(self) -> None:
        self.measured: list[str] = []

    def measure(self, example: Example) -> int:
        self.measured.append(example.id)
        return super().measure(example)


def test_a_run_that_goes_on_checks_its_data_once(tmp_path: Path) -> None:
    """What the check found is remembered, losses too; other data is checked, and is another run."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    examples = [*toy_examples(TEXTS), Example("empty", Samples(np.zeros((0, 6), np.float32), 1), "ab")]
    settings = config(tmp_path, epochs=2, checkpoint_every=1, eval_every=1)
    settings = replace(settings, data=DataConfig(max_lost=0.2))
    longer = [replace(examples[0], source=toy_example("x", "abc").source), *examples[1:]]
    counts = []
    for now in (examples, examples, longer):
        inputs = CountingInputs()
        with pytest.raises(UsageError if now is longer else KeyboardInterrupt):
            run(settings, now, examples[:2], inputs=lambda _, inputs=inputs: inputs, evaluate=stop)
        counts.append(len(inputs.measured))
    assert counts == [11, 0, 9]
    standing = run(settings, examples, examples[:2])
    assert standing.finished and standing.epoch == 2


def test_init_starts_from_a_bundle(tmp_path: Path) -> None:
    """--init with the same alphabet starts where the other run ended."""
    examples = toy_examples(TEXTS)
    run(config(tmp_path / "first"), examples, examples)
    init = load_bundle(tmp_path / "first" / "bundle")
    settings = config(tmp_path / "second", epochs=1, learning_rate=0.0, eval_every=1, average="none")
    run(settings, examples, examples, init)
    assert log(tmp_path / "second", "dev")[0]["ctc_cer"] == 0.0


def test_only_rows_of_tokens_are_tied_to_the_alphabet(tmp_path: Path) -> None:
    """With another alphabet as large as a layer happens to be, that layer still starts from the bundle."""
    first, second = toy_examples(["ab", "ba"]), toy_examples(["cd", "dc"])
    settings = config(tmp_path / "first", epochs=1, average="none")
    settings = replace(settings, decoder=DecoderConfig(size=5, embedding_size=4))
    train(toy_app(), settings, Sources(NamedSource("toy", first)))
    init = load_bundle(tmp_path / "first" / "bundle")
    assert len(init.tokenizer) == 5
    plan = TrainingConfig(1, 1, learning_rate=0.0)
    settings = replace(settings, run_dir=str(tmp_path / "second"), init="first", training=plan)
    train(toy_app(), settings, Sources(NamedSource("toy", second), init=init))
    found = load_bundle(tmp_path / "second" / "bundle").weights
    assert torch.equal(found["decoder.combine.weight"], init.weights["decoder.combine.weight"])
    assert not torch.equal(found["ctc.output.weight"], init.weights["ctc.output.weight"])
