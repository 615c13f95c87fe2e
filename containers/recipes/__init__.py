"""What stands in a recipe: building blocks, one on the other, in HPCCM's words."""
