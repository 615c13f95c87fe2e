"""The history of the suite: what ReFrame recorded, read without ReFrame or any workload."""
