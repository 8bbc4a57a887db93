"""Graceful shutdown of KVM guests when their host goes down."""

__version__ = '0.1.0'
