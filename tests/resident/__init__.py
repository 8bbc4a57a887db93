# The process in the background, by the real python-daemon, under Python 3 and 2.7.
