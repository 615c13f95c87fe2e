"""What is raised where there is no history to read."""


class UnusableHistory(ValueError):
    """A source that does not exist, or holds no record; the message says what to do."""
