"""网点查询, an example: where the bank is, on a list and on a sketch of a map, and a number in its line."""
