"""What customers have allowed an app, as the app reads and ends it; what a consent is, ``oauth`` decides."""
