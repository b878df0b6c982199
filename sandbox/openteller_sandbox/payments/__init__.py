"""Payments: links, the state machine, what the payer confirms, posting at the biller, receipts."""
