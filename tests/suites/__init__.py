"""The package before the tools of every suite: its lintian, and Debian's autopkgtest. Takes minutes: script/test --host runs them."""
