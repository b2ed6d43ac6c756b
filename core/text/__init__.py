"""Texts: the units they are made of, and what is left out of account when they are compared."""

from scriba.core.text.normalise import clean, normalisation, plain_words
from scriba.core.text.tokenizer import (
    BLANK,
    SOS_EOS,
    SPECIALS,
    UNK,
    CharTokenizer,
    Tokenizer,
    TokenizerConfig,
    build_tokenizer,
    tokenizer_from_json,
)
from scriba.core.text.visible import visible
