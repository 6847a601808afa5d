"""How the study was made: its data, its methods, its costs and its files."""
