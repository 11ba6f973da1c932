"""The other process of a proof: load a bundle as a consumer does, and check what it gives. `bundler.proof` asks it."""
