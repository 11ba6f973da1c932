"""Find what contradicts what: manifest, source, config, weights and lock."""
