"""What a study ran with: configuration, software and machine, for its report."""
