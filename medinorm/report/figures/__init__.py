"""Figures as inline SVG, and pictures of scans."""
