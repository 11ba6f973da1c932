from .data import FINDINGS, ECGSequence, pos_weights, simulate
from .metrics import MacroF1
