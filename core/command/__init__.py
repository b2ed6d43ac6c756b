"""Commands: options in, results out, and how far the work is."""

from scriba.core.command.options import (
    OptionParser,
    build_parser,
    config_from_values,
    flatten,
    parse_config,
    parse_configs,
    program,
)
from scriba.core.command.output import Output
from scriba.core.command.progress import FIRST, say, show, track
