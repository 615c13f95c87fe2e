"""What the workloads share: records, devices, the training loop, the order of data, datasets."""
