"""Commands that write the committed files which are made from others: merged contract, seed, documents."""
