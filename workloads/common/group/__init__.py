"""The processes of a run: who they are, how they meet, and what becomes of them together."""
