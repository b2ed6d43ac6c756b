"""The search: from encoder states to hypotheses, by either head or both, with whatever else has a say."""

from scriba.core.search.align import align_text
from scriba.core.search.beam import BeamSearch
from scriba.core.search.config import DecodingConfig, Method
from scriba.core.search.decode import decode
from scriba.core.search.decoding import Decoding, check_decoding
from scriba.core.search.hypothesis import Hypothesis, TextSpan, geometric_mean
from scriba.core.search.ngrams import NgramLanguageModel
from scriba.core.search.outputs import limits
from scriba.core.search.prefix import PrefixScorer
from scriba.core.search.scorer import DecoderScorer, Scored, Scorer, Weighted
