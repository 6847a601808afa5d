"""Figures as inline SVG, and slices of scans."""
