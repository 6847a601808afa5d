"""What a job is: many items, one status row each, progress."""
