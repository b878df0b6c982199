"""Double-entry bookkeeping: every entry's lines sum to zero, and no line is ever changed."""
