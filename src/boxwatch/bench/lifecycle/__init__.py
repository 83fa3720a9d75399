"""The life of models over weeks whose workload changes, and what their gates refuse."""
