"""stdeb makes a package of the library alone from the sdist, and what it makes can be imported on a machine with nothing else."""
import glob
import os

import pytest

from tests.package.building import output, run, unpacked
from tests.package.test_contents import modules_of
from tests.versions import roots

PYTHON = '/usr/bin/python3'  # with Debian's setuptools, which knows --install-layout=deb
# The engine, scripted: a shutdown of two simulated guests.
SCRIPT = '''
from kvm_graceful import simulation
import kvm_graceful.hypervisor.libvirt_, kvm_graceful.shutdown
print(kvm_graceful.__file__)
data = simulation.run(simulation.load('/tmp/in/what-if.json'))
print(sorted((guest['name'], guest['outcome']) for guest in data['guests']))
'''
WHAT_IF = '{"deadline": 60, "guests": [{"name": "web", "takes": 3, "needs": ["db"]}, {"name": "db", "takes": 2}]}'


@pytest.fixture(scope='module')
def sdist(checkout, tmp_path_factory):
    """The unpacked sdist of the checkout."""
    folder = str(tmp_path_factory.mktemp('sdist'))
    source = os.path.join(folder, 'source')
    output(['cp', '-r', checkout, source])
    output([PYTHON, 'setup.py', '-q', 'sdist'], cwd=source)
    output(['tar', '-C', folder, '-xzf'] + glob.glob(source + '/dist/*.tar.gz'))
    return glob.glob(folder + '/kvm[-_]graceful[-_]shutdown-*')[0]  # setuptools since 69 writes underscores


@pytest.fixture(scope='module')
def library(sdist, tmp_path_factory):
    code, out, err = run([PYTHON, 'setup.py', '--command-packages=stdeb.command', 'bdist_deb'], cwd=sdist,
                         env={name: text for name, text in os.environ.items() if name != 'DEB_BUILD_PROFILES'})
    assert code == 0, out + err
    found = glob.glob(sdist + '/deb_dist/*.deb')
    assert len(found) == 1
    return unpacked(found[0], str(tmp_path_factory.mktemp('library')))


def test_the_sdist_leaves_debian_out(sdist):
    found = os.listdir(sdist)
    assert {'kvm_graceful', 'setup.py', 'stdeb.cfg', 'LICENSE', 'README.md'} <= set(found)
    assert not {'debian', 'tests', 'bin', 'initscripts', 'upstart', 'systemd', 'etc'} & set(found)


def test_control_data(library, package):
    assert library.fields['Package'] == 'python3-kvm-graceful'
    assert library.fields['Source'] == 'python-kvm-graceful'
    assert library.fields['Architecture'] == 'all'
    assert library.fields['Version'].startswith(package.fields['Version'] + '-')
    assert 'python3-libvirt' in library.fields['Depends']
    assert library.fields['Maintainer'] == package.fields['Maintainer']


def test_it_holds_the_library_and_nothing_that_acts_at_a_shutdown(library, checkout, package):
    place = '/usr/lib/python3/dist-packages/kvm_graceful/'
    files = [name for name in library.members if not name.endswith('/')]
    assert sorted(name[len(place):] for name in files if name.startswith(place)) == modules_of(checkout + '/kvm_graceful')
    rest = [name for name in files if not name.startswith(place)]
    assert not [name for name in rest if not name.startswith(('/usr/lib/python3/dist-packages/', '/usr/share/doc/'))], rest
    # Both packages can be installed side by side.
    assert not set(files) & set(package.members)


def test_it_installs_and_imports_where_nothing_of_ours_is(library, tmp_path):
    try:
        root = roots.root('bookworm')
    except roots.RootError as error:
        pytest.skip(str(error))
    place = tmp_path / 'in'
    place.mkdir()
    (place / 'what-if.json').write_text(WHAT_IF)
    (place / 'script.py').write_text(SCRIPT)
    output(['cp', library.path, str(place / 'library.deb')])
    os.mkdir(str(tmp_path / 'layer'))

    def inside(words):
        return run(roots.command(root, words, [(str(place), '/tmp/in', 'ro')], layer=str(tmp_path / 'layer')))
    code, _, err = inside(['python3', '/tmp/in/script.py'])
    assert (code, "No module named 'kvm_graceful'" in err) == (1, True), err
    code, out, err = inside(['dpkg', '--force-depends', '-i', '/tmp/in/library.deb'])
    assert code == 0, out + err
    code, out, err = inside(['python3', '-B', '/tmp/in/script.py'])
    assert (code, out) == (0, "/usr/lib/python3/dist-packages/kvm_graceful/__init__.py\n[('db', 'off'), ('web', 'off')]\n"), err
