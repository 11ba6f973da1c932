VOCAB = ["a", "e", "i", "o", "u", "n"]

model = dict(
    dim=32,
    num_blocks=2,
    augment=dict(type="specaugment", freq_masks=0, time_masks=0),   # done in the input pipeline
    subsample=dict(type="subsample"),
    block=dict(type="conformer", kernel=5, attn=dict(type="relpos_attn", heads=4, max_dist=8)),
)
loss = dict(type="ctc", smooth=0.05)
schedule = dict(type="noam", warmup=20)
train = dict(batch=16, epochs=2, n=96, seed=1234)
