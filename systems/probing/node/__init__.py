"""What a compute node is, told by the node: copied to the folder of a job, and run there by
whatever Python 3.7 or later the node has. Nothing but the standard library is used."""
