"""What the seed is made of: one module per kind of data, each with `build()`; no clock, no unseeded randomness."""
