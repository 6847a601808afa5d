"""What a reader asks after the verdict: what to deploy, on what, at what cost."""
