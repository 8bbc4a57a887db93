"""Vagrant, really run: a box made here, a machine of it shut down with guests in it by script/vagrant-test."""
