"""English."""

DATETIME_FORMAT = "j M Y, H:i"  # 3 May 2026, 14:05
