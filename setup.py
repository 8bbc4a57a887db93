"""Installs the library, for those who script the engine. The product, with its command, is the Debian package: debian/."""
try:
    from setuptools import setup
except ImportError:  # Python 2.6 of Ubuntu 10.04 has only distutils, which Python 3.12 no longer has
    from distutils.core import setup

setup(
    name='kvm-graceful-shutdown',
    version='0.1.0',
    description='shuts KVM guests down, in order, before their host goes down',
    long_description='Planner, engine and ports of kvm-graceful-shutdown, which shuts the guests of a KVM host down, in order.',
    author='kvm-graceful-shutdown maintainers',
    author_email='maintainers@kvm-graceful-shutdown.example',
    license='MIT',
    packages=['kvm_graceful', 'kvm_graceful.host', 'kvm_graceful.hypervisor', 'kvm_graceful.power', 'kvm_graceful.report'],
)
