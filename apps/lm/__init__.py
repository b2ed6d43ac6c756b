"""Language models, which help the recognisers with what is likely to be said at all."""

from scriba.lm.task import LmConfig as Config
from scriba.lm.task import LmTask as Task

__all__ = ["Config", "Task"]
