# The lab: real guests and a libvirtd of our own, for the tests, the demo and the bench (Python 3, root).
