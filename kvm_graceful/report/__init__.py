"""A run, a plan or a status, for people and for programs. Takes the data that JSON shows; knows nothing else."""
