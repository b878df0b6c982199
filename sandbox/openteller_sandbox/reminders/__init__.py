"""Bills of saved accounts as requests to pay: the bank looks, tells the app, and the customer answers."""
