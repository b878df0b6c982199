"""Branches and ATMs: where they are, what they do, whether they are open, which is nearest; and the working days."""
