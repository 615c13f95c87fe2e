"""From a history to findings: what regressed, what got better, what failed, what did not run."""
