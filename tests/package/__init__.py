# The built .deb: what is in it, what its scripts do, and that it can be built again to the last byte.
