"""What is said of the nodes of a system, and of two parts of its history."""
