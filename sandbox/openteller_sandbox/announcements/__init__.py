"""What an import has changed, told to apps."""
