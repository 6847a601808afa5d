"""What a mean over domains hides: single domains, ranks, components, shares."""
