"""A real browser, without a screen: Debian's chromium through its driver."""
import contextlib
import shutil

import pytest


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    """A selenium driver; what it writes goes into a folder of its own."""
    webdriver = pytest.importorskip('selenium.webdriver')
    from selenium.webdriver.chrome.service import Service
    if not shutil.which('chromium') or not shutil.which('chromedriver'):
        pytest.skip('chromium and chromedriver are not installed')
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium')
    for word in ('--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
                 '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
                 '--user-data-dir=%s' % tmp_path_factory.mktemp('browser')):
        options.add_argument(word)
    driver = webdriver.Chrome(service=Service(shutil.which('chromedriver')), options=options)
    driver.set_page_load_timeout(120)
    with contextlib.closing(_Quit(driver)):
        yield driver


class _Quit:
    """Ends the browser and its driver, whatever became of the test."""

    def __init__(self, driver):
        self.close = driver.quit
