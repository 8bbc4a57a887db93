# The bench: real guests shut down by different clients in turn, and what each needed (Python 3, root). script/bench calls it.
