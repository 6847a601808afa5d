"""Everything that Snakemake needs: rules and their wiring."""
