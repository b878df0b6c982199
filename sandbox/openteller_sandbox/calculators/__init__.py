"""The calculators: what a deposit earns, what a loan costs, what an exchange gives, each by a sheet that it cites.

They keep nothing. `loan`, `deposit` and `exchange` are arithmetic in Decimal without any I/O; `service` finds the rate.
"""
