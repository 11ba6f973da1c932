"""From imports to the distributions that provide them."""
