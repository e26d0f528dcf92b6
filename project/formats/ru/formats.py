"""Russian."""

DATETIME_FORMAT = "j E Y, H:i"  # 3 мая 2026, 14:05
