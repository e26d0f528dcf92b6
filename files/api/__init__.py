"""The REST API at /api/v1/: JSON both ways, problems by RFC 9457 (docs/api.md)."""
