"""The learning rate of each variant, chosen on validation scans."""
