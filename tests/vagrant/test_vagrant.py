"""`vagrant up MACHINE && script/vagrant-test MACHINE`, on a box made here, a libvirtd and a network of its own, under emulation."""

import subprocess

import pytest

from tests.host.images import Suite
from tests.lab.libvirtd import LabError, Libvirtd
from tests.package.building import TOP
from tests.vagrant import box

UP_LIMIT_S, TEST_LIMIT_S = 900, 2400


class VagrantLibvirtd(Libvirtd):
    """One that vagrant-libvirt can work on: with storage, and networks that reach nothing but its machines."""

    drivers = ('qemu', 'network', 'storage', 'nodedev', 'interface', 'secret', 'nwfilter')
    own_network = True


@pytest.fixture
def libvirtd():
    try:
        libvirtd = VagrantLibvirtd()
    except LabError as e:
        pytest.skip(str(e))
    try:
        yield libvirtd
    finally:
        libvirtd.close()


@pytest.mark.parametrize('suite', [Suite('bookworm', 'systemd'), Suite('trixie', 'systemd')], ids=str)
def test_machine_goes_down_in_order_and_its_guests_say_so_after_it_is_up_again(suite, libvirtd, tmp_path):
    made = str(tmp_path / 'here.box')
    box.make(suite, made)
    settings = dict(KVM_GRACEFUL_BOX=made, KVM_GRACEFUL_TCG='1', VAGRANT_HOME=str(tmp_path / 'home'),
                    VAGRANT_DOTFILE_PATH=str(tmp_path / 'machines'), VAGRANT_DEFAULT_PROVIDER='libvirt',
                    VAGRANT_CHECKPOINT_DISABLE='1')

    def run(limit_s, *words):
        command = libvirtd.command(['env', '--chdir=' + TOP] + ['%s=%s' % pair for pair in settings.items()] + list(words))
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=limit_s)
        print(done.stdout)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()

    run(UP_LIMIT_S, 'vagrant', 'up', suite.release)
    try:
        said = run(TEST_LIMIT_S, 'script/vagrant-test', suite.release)
    finally:
        run(UP_LIMIT_S, 'vagrant', 'destroy', '-f', suite.release)
    assert said[-1] == '7 passed, 0 failed'
