"""Configuration: settings, root URLs, the server's set-up and the ASGI entry point."""
