"""缴费管家, an example: somebody of a social platform links an account at the bank, and has bills paid."""
