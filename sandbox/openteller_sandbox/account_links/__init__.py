"""Social accounts tied to customers: started by an app, approved at the bank, confirmed back in the chat."""
