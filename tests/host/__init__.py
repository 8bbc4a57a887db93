"""Whole machines: a host with an init system, libvirtd and guests of its own, in a VM; what its shutdown left on the disk."""
