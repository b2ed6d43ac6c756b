"""Data: what of it can be used, and how examples meet in batches."""

from scriba.core.data.batching import (
    Batch,
    Batches,
    EndlessSampler,
    TrainingSet,
    pack_by_length,
    pad_inputs,
)
from scriba.core.data.check import BROKEN_ROW, Dropped, Report, check
