"""Tools for maintainers: the generated tables, and the environments that they are made in."""
