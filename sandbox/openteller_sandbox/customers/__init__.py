"""The demo bank's customers: made up, the same in every world, each with an account of play money."""
