"""How good results are: error rates, likeness to several references, and what confidences mean."""

from scriba.core.scores.calibration import calibrated, calibration_error, fit_temperature, reliability, right_words
from scriba.core.scores.error_rates import ErrorRates, error_rates
from scriba.core.scores.overlap import WordOverlap
from scriba.core.scores.scores import Judge, Scores, unit_of
