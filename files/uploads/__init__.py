"""Upload protocols: faces of the door for resumable uploads (files/http/resumable.py)."""
