"""What the brains have in common that a model plays, whichever library asks it."""
