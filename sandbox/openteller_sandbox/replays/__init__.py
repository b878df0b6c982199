"""Playing a world again, from its seed and its log, in a bank in memory, and comparing how the two stand."""
