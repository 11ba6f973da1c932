from .frontend import LogMel, SpecAugment
from .attention import RelPosSelfAttention
from .conformer import ConformerBlock, Subsample
from .encoder import ConformerCTC
