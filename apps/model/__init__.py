"""Working on models that are there: what they are, their confidences, and others made of them."""
