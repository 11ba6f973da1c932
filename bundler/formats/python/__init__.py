"""Read Python text: definitions, imports, strings, what runs when, the lowest Python. Nothing is executed."""
