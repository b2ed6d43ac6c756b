"""The commands that every app has, made from its `App`."""

from scriba.commands.evaluate import EvalConfig, evaluate
from scriba.commands.options import DecodingOptions, ModelOptions, open_for
from scriba.commands.train import train
from scriba.commands.tune import tune
