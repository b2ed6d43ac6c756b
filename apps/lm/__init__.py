"""Language models, which help the recognisers with what is likely to be said at all."""

from scriba.lm.app import APP
