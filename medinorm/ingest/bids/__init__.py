"""BIDS: names of files, and the tables a data set needs."""
