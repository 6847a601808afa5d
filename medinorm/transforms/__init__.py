"""MONAI array and dictionary transforms over `medinorm.intensity`."""
