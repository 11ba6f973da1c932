"""Write the lock of a bundle: what its code needs, exactly, with hashes."""
