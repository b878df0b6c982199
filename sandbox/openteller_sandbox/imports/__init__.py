"""Reading files that an operator brings: what stands in them record by record, and why a record is refused.

Nothing here knows a feature or a database. Files may be of any length: a record at a time is in memory.
"""
