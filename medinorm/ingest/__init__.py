"""From hospital files to de-identified volumes: plan, convert, collect, split."""
