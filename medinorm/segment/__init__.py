"""New scans segmented with a bundle."""
