"""The commands that every app has, made from its `App`."""

from scriba.commands.align import AlignConfig, align
from scriba.commands.evaluate import EvalConfig, evaluate
from scriba.commands.options import DecodingOptions
from scriba.commands.train import train
from scriba.commands.tune import tune
from scriba.commands.use import use
