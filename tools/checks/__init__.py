"""The checks that `tools/check` runs: one module each, with a function that yields findings."""
