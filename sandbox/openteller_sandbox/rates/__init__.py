"""The rate sheets: deposits, loans and foreign exchange, each kind a chain: which sheet holds when is decided once."""
