"""The directory of billers: who can be paid, how much, when, and what the payer must say."""
