# The program under every Python that Debian has, from 2.7 on, in roots that hold little but that Python.
