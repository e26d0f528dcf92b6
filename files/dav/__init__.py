"""WebDAV at /dav/ (RFC 4918, classes 1, 2 and 3): spaces, folders and files as collections."""
