from dataclasses import dataclass


@dataclass(frozen=True)
class Params:
    sample_rate: int = 4000
    clip_seconds: float = 0.5
    frame_length: int = 256
    frame_step: int = 64
    n_mels: int = 20
    mel_min_hz: float = 60.0
    mel_max_hz: float = 1900.0
    log_offset: float = 1e-3
    classes: tuple = ("whistle", "siren", "clicks", "noise")
    filters: int = 16
    dilations: tuple = (1, 2, 4)
    stacks: int = 1

    @property
    def clip_samples(self):
        return int(self.sample_rate * self.clip_seconds)


hp = Params()
