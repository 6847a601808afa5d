"""What to expect of a scan without a label map: its Dice, and whether it is known."""
