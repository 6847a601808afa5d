"""How like the training scans a new scan is: headers, intensities, features."""
