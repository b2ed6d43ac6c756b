"""Training: from an app, its options and sources to a run folder; and the scoring that it shares with `eval`."""

from scriba.core.training.app import App
from scriba.core.training.averaging import Average
from scriba.core.training.checked import NamedSource, all_texts, with_texts
from scriba.core.training.config import RunConfig, check_run, present
from scriba.core.training.evaluation import methods_of, score_results
from scriba.core.training.identity import Identity
from scriba.core.training.optimiser import within
from scriba.core.training.run import Sources, train
from scriba.core.training.run_folder import RunFolder, Standing, pack, unpack
from scriba.core.training.schedule import learning_rate
from scriba.core.training.tied import carried, known_rows
from scriba.core.training.trainer import Interrupted
