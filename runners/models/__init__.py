"""Model families: a function from width and depth to a network."""
