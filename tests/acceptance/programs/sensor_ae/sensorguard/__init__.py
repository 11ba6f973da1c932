from ._layers import *
from ._mixins import DescribeMixin, ThresholdMixin
from ._model import ReconstructionDetector, Scoring

__all__ = ["ReconstructionDetector", "Scoring", "ThresholdMixin", "DescribeMixin"]
