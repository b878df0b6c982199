"""What becomes of a receipt once it is issued: anybody can ask whether it is genuine, and its payer gets it as PDF."""
