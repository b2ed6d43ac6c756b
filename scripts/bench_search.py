"""Joint CTC/attention beam search against SpeechBrain's and ESPnet's, on decoders of the same size, in one run.

    pip install speechbrain && pip install --no-deps espnet typeguard
    python scripts/bench_search.py                       utterances a second of each
    python scripts/bench_search.py --grow docs/search    time and memory of scriba against T, batch and beam, as a plot

Random weights and memories; every search says as many tokens as it is told to, with an LSTM decoder, additive attention
and CTC beside it. Systems that are not installed are left out. The systems take turns; medians, slowest and fastest of
all turns are printed.
"""

import argparse
import csv
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from side_by_side import table_of

from scriba.core.model import AttentionConfig, CTCHead, DecoderConfig, Memory, build_decoder
from scriba.core.search import BeamSearch, DecoderScorer, DecodingConfig, PrefixScorer, Weighted
from scriba.core.text import SOS_EOS

CTC_WEIGHT = 0.3
NEVER = -1e4  # bias that keeps a decoder from ending before its time


class Sizes(NamedTuple):
    """B utterances of T positions of D, V tokens, H decoder size (also of attention and embeddings), U said, K beam."""

    B: int = 16
    T: int = 200
    D: int = 320
    V: int = 32
    H: int = 320
    U: int = 50
    K: int = 8


Job = Callable[[], object]


def scriba_job(sizes: Sizes) -> Job:
    """Search the whole batch at once."""
    config = DecoderConfig(size=sizes.H, embedding_size=sizes.H)
    attention = AttentionConfig(size=sizes.H)
    decoder = build_decoder(config, attention, memory_size=sizes.D, vocabulary_size=sizes.V).eval()
    ctc = CTCHead(sizes.D, sizes.V)
    with torch.no_grad():
        decoder.output.bias[SOS_EOS] = NEVER
    memory = Memory(torch.randn(sizes.B, sizes.T, sizes.D), torch.full((sizes.B,), sizes.T))
    ratio = (sizes.U + 0.5) / sizes.T
    options = DecodingConfig("joint", sizes.K, min_length_ratio=ratio, max_length_ratio=ratio)

    def job() -> object:
        attention = Weighted(1 - CTC_WEIGHT, DecoderScorer(decoder, memory))
        prefix = Weighted(CTC_WEIGHT, PrefixScorer(ctc(memory), memory.lengths_B))
        outputs = BeamSearch([attention, prefix], memory, options).run()
        assert outputs.ids_BNU.shape[2] == sizes.U + 1
        return outputs

    return job


def speechbrain_job(sizes: Sizes) -> Job:
    """Search the whole batch at once."""
    from speechbrain.decoders.scorer import CTCScorer, ScorerBuilder
    from speechbrain.decoders.seq2seq import S2SRNNBeamSearcher
    from speechbrain.nnet.linear import Linear
    from speechbrain.nnet.RNN import AttentionalRNNDecoder

    inner = {"hidden_size": sizes.H, "attn_dim": sizes.H, "num_layers": 1}
    decoder = AttentionalRNNDecoder("lstm", "content", **inner, enc_dim=sizes.D, input_size=sizes.H)
    ctc = CTCScorer(Linear(input_size=sizes.D, n_neurons=sizes.V), 0, SOS_EOS)
    output = Linear(input_size=sizes.H, n_neurons=sizes.V)
    with torch.no_grad():
        output.w.bias[SOS_EOS] = NEVER
    search = S2SRNNBeamSearcher(
        embedding=torch.nn.Embedding(sizes.V, sizes.H),
        decoder=decoder,
        linear=output,
        bos_index=SOS_EOS + 1,  # has to differ
        eos_index=SOS_EOS,
        min_decode_ratio=sizes.U / sizes.T,
        max_decode_ratio=sizes.U / sizes.T,
        beam_size=sizes.K,
        scorer=ScorerBuilder(full_scorers=[ctc], weights={"ctc": CTC_WEIGHT}),
        using_eos_threshold=False,
    ).eval()
    states, lengths = torch.randn(sizes.B, sizes.T, sizes.D), torch.ones(sizes.B)
    return lambda: search(states, lengths)


def espnet_job(sizes: Sizes) -> Job:
    """Search the utterances one after the other, which is how its search takes them."""
    from espnet.nets.beam_search import BeamSearch
    from espnet.nets.pytorch_backend.ctc import CTC
    from espnet.nets.pytorch_backend.rnn.attentions import AttAdd
    from espnet.nets.pytorch_backend.rnn.decoders import Decoder
    from espnet.nets.scorers.ctc import CTCPrefixScorer

    attention = AttAdd(sizes.D, sizes.H, sizes.H)
    decoder = Decoder(sizes.D, sizes.V, "lstm", 1, sizes.H, SOS_EOS, SOS_EOS, torch.nn.ModuleList([attention])).eval()
    with torch.no_grad():
        decoder.output.bias[SOS_EOS] = NEVER
    search = BeamSearch(
        scorers={"decoder": decoder, "ctc": CTCPrefixScorer(CTC(sizes.V, sizes.D, 0.0), SOS_EOS)},
        weights={"decoder": 1 - CTC_WEIGHT, "ctc": CTC_WEIGHT},
        beam_size=sizes.K,
        vocab_size=sizes.V,
        sos=SOS_EOS,
        eos=SOS_EOS,
        pre_beam_score_key="full",
    ).eval()
    states = torch.randn(sizes.B, sizes.T, sizes.D)
    ratio = sizes.U / sizes.T
    return lambda: [search(states[b], maxlenratio=ratio, minlenratio=0.0) for b in range(sizes.B)]


SYSTEMS = {"scriba": scriba_job, "speechbrain": speechbrain_job, "espnet": espnet_job}


def timed(job: Job) -> float:
    """Return how many seconds a job takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


@torch.inference_mode()
def compare(sizes: Sizes, turns: int) -> None:
    """Print a table of utterances a second."""
    torch.manual_seed(0)
    jobs = {name: make(sizes) for name, make in SYSTEMS.items() if find_spec(name)}
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for name, job in jobs.items():
        if name != "espnet":  # whose first turn is no slower than the others
            job()
    for _ in range(turns):
        for name, job in jobs.items():
            rates[name].append(sizes.B / timed(job))
    print(f"{sizes}, CTC weight {CTC_WEIGHT}, {torch.get_num_threads()} threads, {turns} turns")
    rows = []
    for name, values in rates.items():
        middle = statistics.median(values)
        speed = f"{middle:.2f} ({min(values):.2f} to {max(values):.2f})"
        rows.append([f"{name} {version(name)}", speed, f"{statistics.median(rates['scriba']) / middle:.1f}"])
    print(table_of(["system", "utterances a second", "scriba is faster by"], rows))


@torch.inference_mode()
def cost(sizes: Sizes) -> tuple[float, float]:
    """Return seconds and peak memory in MiB of one search; the process has to be a fresh one."""
    torch.manual_seed(0)
    scriba_job(sizes._replace(T=20, U=5))()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = timed(scriba_job(sizes))
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


GROWTH = {"T": (50, 100, 200, 400, 800, 1600), "B": (1, 2, 4, 8, 16, 32), "K": (1, 2, 4, 8, 16, 32)}


def grow(path: Path) -> None:
    """Write time and memory against positions, batch and beam, as a CSV and a plot."""
    rows = []
    for name, values in GROWTH.items():
        for value in values:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, memory = pool.apply(cost, (Sizes(**{name: value}),))
            rows.append((name, value, round(seconds, 3), round(memory, 1)))
            print(*rows[-1], flush=True)
    with path.with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file).writerows([("what", "value", "seconds", "MiB"), *rows])
    figure = Figure(figsize=(10, 6), layout="constrained")
    titles = {"T": "encoder positions T", "B": "batch size B", "K": "beam size K"}
    for column, name in enumerate(GROWTH):
        points = [row[1:] for row in rows if row[0] == name]
        for line, (index, unit) in enumerate(((1, "seconds"), (2, "MiB above the models"))):
            axes = figure.add_subplot(2, 3, 3 * line + column + 1)
            axes.loglog([p[0] for p in points], [max(p[index], 1e-3) for p in points], "o-")
            axes.set(xlabel=titles[name], ylabel=unit)
            axes.grid(alpha=0.3)
    figure.suptitle(f"joint search, {Sizes()}")
    figure.savefig(path.with_suffix(".png"), dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="turns of each system (default: %(default)s)")
    parser.add_argument("--grow", type=Path, help="write time and memory of scriba to this name, .csv and .png")
    options = parser.parse_args()
    if options.grow:
        grow(options.grow)
    else:
        compare(Sizes(), options.turns)


if __name__ == "__main__":
    main()
