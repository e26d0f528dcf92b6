"""How moments are written, by language: the letters are those of Django's date filter."""
