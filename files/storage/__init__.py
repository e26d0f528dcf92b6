"""Where blob bytes lie; knows nothing of HTTP or the database."""
