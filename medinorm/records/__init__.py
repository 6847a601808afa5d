"""Records of the tables that stages hand to each other, one file a group of tables."""
