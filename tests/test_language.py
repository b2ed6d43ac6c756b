"""Language models: trained by the command, scored against a loop, and helping the search."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from models import ATTENTIONS, CPU, TOKENIZER, decoded, make

from scriba.cli import main
from scriba.core.errors import InputError, UsageError
from scriba.core.model.attention import AttentionConfig
from scriba.core.model.build import build_decoder
from scriba.core.model.no_input import NoInput
from scriba.core.model.recurrent_decoder import DecoderConfig, RecurrentDecoder
from scriba.core.model.seq2seq import Seq2Seq
from scriba.core.recogniser import Recogniser
from scriba.core.search.config import DecodingConfig
from scriba.core.search.decoding import Decoding
from scriba.core.search.ngrams import NgramLanguageModel
from scriba.core.search.scorer import DecoderScorer
from scriba.core.text.tokenizer import SOS_EOS, UNK, CharTokenizer
from scriba.datasets.source import open_source
from scriba.lm.app import TextInputs
from scriba.lm.foresight import text_scores
from scriba.loading import language_model

TEXTS = ("a b", "bad cab", "dad", "")


def tiny_decoder() -> RecurrentDecoder:
    torch.manual_seed(0)
    config = AttentionConfig("none", without="state")
    decoder = build_decoder(
        DecoderConfig(size=6, embedding_size=4), config, memory_size=1, vocabulary_size=len(TOKENIZER)
    )
    return decoder.eval()


@torch.no_grad()
def test_perplexity_is_that_of_a_loop() -> None:
    """Texts of different lengths, an empty one and an unknown character, a token at a time through `step`."""
    decoder, texts = tiny_decoder(), [*TEXTS, "a?b"]
    model, nats, tokens = DecoderScorer(decoder), 0.0, 0
    assert (model.name, model.of_input) == ("lm", False)
    for text in texts:
        state, last = model.start(1, 1, CPU), SOS_EOS
        for token in [*TOKENIZER.encode(text), SOS_EOS]:
            logits, state = decoder.step(state, torch.tensor([last]))
            nats, tokens, last = nats - float(logits[0].log_softmax(-1)[token]), tokens + 1, token
    whole = Seq2Seq(encoder=NoInput(), decoder=decoder, ctc=None)
    decoding = Decoding(DecodingConfig(), whole.heads)
    scores = text_scores(Recogniser(TextInputs(), whole, TOKENIZER, decoding, CPU, torch.float32), texts)
    assert scores["perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-5)
    assert scores["bits_per_character"] == pytest.approx(nats / math.log(2) / sum(len(t) + 1 for t in texts), rel=1e-5)
    assert (scores["tokens"], scores["unknown"]) == (tokens, 1)


def train(folder: Path, *options: str) -> Path:
    """Train a language model on a few texts until it knows them by heart; returns its bundle."""
    (folder / "texts.txt").write_text("\n\nab ab ab\ncd cd cd\n", encoding="utf-8")
    sizes = "--decoder.size 24 --decoder.embedding_size 8 --decoder.dropout 0 --training.average none --device cpu"
    steps = "--training.epochs 120 --training.learning_rate 0.02 --training.eval_every 120"
    texts = str(folder / "texts.txt")
    run = [texts, "--data.dev", texts, "--run_dir", str(folder / "run")]
    assert main(["lm", "train", *run, *sizes.split(), *steps.split(), *options]) == 0
    return folder / "run" / "bundle"


def test_training_and_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two texts, of which the first letter alone is not foreseen: perplexity is two to the power of 1/9."""
    bundle = train(tmp_path)
    capsys.readouterr()
    assert main(["lm", "eval", str(bundle), str(tmp_path / "texts.txt"), "--json", str(tmp_path / "s.json")]) == 0
    scores = json.loads((tmp_path / "s.json").read_text())
    assert scores["perplexity"] == pytest.approx(2 ** (1 / 9), abs=0.02) and scores["tokens"] == 18
    assert "of 18 tokens (0 unknown)" in capsys.readouterr().out


def test_tokens_are_those_of_the_recogniser(tmp_path: Path) -> None:
    """A model made --like another has its tokens and is accepted beside it; one with its own is refused."""
    first = tmp_path / "first"
    first.mkdir()
    own = train(first)
    (tmp_path / "more").mkdir()
    like = train(tmp_path / "more", "--like", str(own), "--training.max_steps", "1")
    tokenizer = CharTokenizer(" abcd")
    assert json.loads((like / "tokenizer.json").read_text()) == tokenizer.to_json()
    assert isinstance(language_model(str(like), CPU)(tokenizer), DecoderScorer)
    with pytest.raises(InputError, match="has other tokens than the recogniser; train one with `scriba lm train"):
        language_model(str(own), CPU)(CharTokenizer("xyz"))
    with pytest.raises(InputError, match=r"is a model for 'ocr', not for 'lm'; choose another --decoding\.lm"):
        language_model("ocr-print", CPU)


@torch.no_grad()
def test_a_language_model_changes_what_is_found() -> None:
    """A model that foresees one word only, at a great weight, makes the search say it."""
    model, memory = make(ATTENTIONS[0])
    decoder = tiny_decoder()
    decoder.output.weight.zero_()
    decoder.output.bias[:] = torch.tensor([-40.0 if i != TOKENIZER.encode("d")[0] else 0.0 for i in range(8)])
    config = DecodingConfig("joint", beam_size=4, lm="given", lm_weight=50.0, max_length_ratio=0.3)
    found = decoded(model, memory, config, language=DecoderScorer(decoder))
    assert {hypothesis.text.strip("d") for hypothesis in found} == {""} and any(h.text for h in found)
    assert all(list(h.scores) == ["attention", "ctc", "lm"] for h in found)
    with pytest.raises(UsageError, match=r"lm_weight 50\.0: name the language model with --decoding\.lm"):
        decoded(model, memory, DecodingConfig("joint", lm_weight=50.0))


ARPA = r"""
\data\
ngram 1=6
ngram 2=3

\1-grams:
-1.0	<unk>
-99	<s>	-0.5
-0.6	</s>
-0.5	a	-0.3
-0.7	b	-0.2
-0.9	▁	-0.1

\2-grams:
-0.1	<s> a
-0.2	a b
-0.3	b </s>

\end\
"""


def test_ngrams(tmp_path: Path) -> None:
    """Log probabilities are those of the file, backed off where it has no pair, along each row's own past."""
    pytest.importorskip("kenlm", reason="n-grams are an extra")
    (tmp_path / "ab.arpa").write_text(ARPA, encoding="utf-8")
    tokenizer = CharTokenizer(" ab")
    model = language_model(str(tmp_path / "ab.arpa"), CPU)(tokenizer)
    assert isinstance(model, NgramLanguageModel) and (model.name, model.of_input) == ("lm", False)
    (space, a, b) = tokenizer.encode(" ab")
    scored = model.score(model.start(1, 2, CPU), torch.tensor([[SOS_EOS, SOS_EOS]]))
    assert scored.gains_BKV.dtype == torch.double and scored.gains_BKV.shape == (1, 2, len(tokenizer))
    found = (scored.gains_BKV[0] / math.log(10)).tolist()
    assert found[0] == found[1]
    expected = {a: -0.1, b: -0.5 - 0.7, space: -0.5 - 0.9, SOS_EOS: -0.5 - 0.6}
    assert {i: found[0][i] for i in expected} == pytest.approx(expected, abs=1e-5)
    tokens = torch.tensor([[a, b]])
    scored = model.score(model.advance(scored.state, torch.tensor([[1, 0]]), tokens), tokens)
    found = (scored.gains_BKV[0] / math.log(10)).tolist()
    assert found[0][b] == pytest.approx(-0.2, abs=1e-5) and found[1][SOS_EOS] == pytest.approx(-0.3, abs=1e-5)
    assert found[0][a] == pytest.approx(-0.3 - 0.5, abs=1e-5)
    tokens = torch.tensor([[b, b]])  # both go on from the first: after "ab"
    scored = model.score(model.advance(scored.state, torch.tensor([[0, 0]]), tokens), tokens)
    found = (scored.gains_BKV[0] / math.log(10)).tolist()
    assert found[0] == found[1] and found[0][a] == pytest.approx(-0.2 - 0.5, abs=1e-5)
    with pytest.raises(InputError, match="lacks 5 of the recogniser's 9 tokens"):
        language_model(str(tmp_path / "ab.arpa"), CPU)(CharTokenizer("vwxyza"))
    with pytest.raises(InputError, match="no such file"):
        language_model(str(tmp_path / "none.arpa"), CPU)(tokenizer)
    (tmp_path / "bad.arpa").write_text("no model", encoding="utf-8")
    with pytest.raises(InputError, match="is no n-gram model"):
        language_model(str(tmp_path / "bad.arpa"), CPU)(tokenizer)


def test_texts_of_every_source(tmp_path: Path) -> None:
    """Lines of a file; the texts of manifests, whose media are not looked for; those that are made on the fly."""
    (tmp_path / "a.txt").write_text("\ufeffeins\n\n zwei \r\n", encoding="utf-8")
    assert [e.target for e in open_source(str(tmp_path / "a.txt"), media="text")] == ["eins", "zwei"]
    rows = [{"audio": "1.wav", "text": "one"}, {"image": "2.png", "captions": ["two", "too"]}]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [e.target for e in open_source(str(tmp_path / "m.jsonl"), media="text")] == ["one", ("two", "too")]
    assert len(list(open_source("synth:dtmf:train:3", media="text"))) == 3
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(InputError, match="has no text; write one on each line"):
        open_source(str(tmp_path / "empty.txt"), media="text")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        open_source(str(tmp_path / "latin.txt"), media="text")
    assert UNK not in TOKENIZER.encode("abcd ")
