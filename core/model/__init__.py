"""The model: an encoder's memory, a recurrent decoder with attention, a CTC head, and what builds them."""

from scriba.core.model.attention import AttentionConfig
from scriba.core.model.backbone import Backbone, BackboneConfig, theirs_of
from scriba.core.model.build import Heads, ModelConfig, build_decoder, build_model
from scriba.core.model.ctc import CTCConfig, CTCHead, HeadLengths, ctc_loss, greedy_path, required_positions
from scriba.core.model.decoder import Decoder, DecoderState, Trace
from scriba.core.model.kinds import EncoderKinds
from scriba.core.model.likelihood import (
    allowed,
    cross_entropy,
    mean_per_token,
    teacher_tokens,
    with_wrong_tokens,
)
from scriba.core.model.memory import Encoder, Memory, mask_from_lengths, mask_images
from scriba.core.model.no_input import NoInput, no_memory
from scriba.core.model.pretrained import Pretrained, load_pretrained_parts
from scriba.core.model.recurrent import BidirectionalStack
from scriba.core.model.recurrent_decoder import DecoderConfig
from scriba.core.model.seq2seq import Head, Seq2Seq
