"""Speed of the studio."""
