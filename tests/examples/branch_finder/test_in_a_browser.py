"""The demo as its README starts it, in a real browser that is as wide as a phone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.sdk import processes

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
from selenium import webdriver  # noqa: E402 - only where it is installed
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

_CHROMIUM = shutil.which("chromium")
_DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="chromium and chromedriver are not installed")

_SWITCHES = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_PHONE = {"deviceMetrics": {"width": 360, "height": 740, "pixelRatio": 1.0}}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Start the demo; gives where it is, and what it says."""
    port = processes.free_port()
    command = [sys.executable, "-W", "default", "-m", "branch_finder", "--demo", "--port", str(port)]
    folder = tmp_path_factory.mktemp("demo")
    environment = processes.environment(ahead=str(processes.ROOT / "examples"), TMPDIR=str(folder))
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, encoding="utf-8"
        ) as process,
    ):
        assert process.stdout
        said = "".join(process.stdout.readline() for _ in range(9))
        assert processes.comes_up(port, process), (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}", said
        process.terminate()
    assert list(folder.iterdir()) == [folder / "log"]  # its bank is gone with it


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM or ""
    for switch in (*_SWITCHES, "--accept-lang=zh-CN", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.add_experimental_option("mobileEmulation", _PHONE)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    yield driver
    driver.quit()


class Walk:
    """What a visitor does; each page is looked at as it comes."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self.browser = browser

    def go(self, address: str) -> None:
        self.browser.get(address)
        self._look()

    def press(self, selector: str) -> None:
        """Press what leads to another page, and wait for it."""
        before = self.browser.find_element(By.TAG_NAME, "html").id
        self.browser.find_element(By.CSS_SELECTOR, selector).click()
        # While one page gives way to the next, the driver's questions about either may fail.
        patient = WebDriverWait(self.browser, 30, 0.05, ignored_exceptions=[WebDriverException])
        patient.until(
            lambda page: (
                page.find_element(By.TAG_NAME, "html").id != before
                and page.execute_script("return document.readyState") == "complete"
            )
        )
        self._look()

    def type(self, name: str, text: str) -> None:
        field = self.browser.find_element(By.NAME, name)
        field.clear()
        field.send_keys(text)

    @property
    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def _look(self) -> None:
        width = self.browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= _PHONE["deviceMetrics"]["width"], f"{self.browser.current_url} is {width} wide"
        complaints = [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert [
            one for one in complaints if "status of 422" not in one
        ] == []  # that is what bad input is answered with


def test_somebody_finds_a_branch_draws_a_number_and_gives_it_back(
    demo: tuple[str, str], browser: webdriver.Chrome
) -> None:
    url, said = demo
    assert said.count(f"{url}/branches?") == 4
    walk = Walk(browser)
    walk.go(url)
    walk.type("q", "静安")
    walk.press("#search button")
    assert "示范银行上海静安支行" in walk.text and "北京" not in walk.text
    walk.type("q", "")
    walk.type("near", "31.2304, 121.4737")
    browser.find_element(By.NAME, "open_now").click()
    walk.press("#search button")
    assert "营业中" in walk.text and "休息中" not in walk.text
    assert len(browser.find_elements(By.CSS_SELECTOR, "svg .pin")) > 3
    browser.find_element(By.CSS_SELECTOR, "svg a[href='#row-1']").click()
    assert browser.current_url.endswith("#row-1")
    walk.press("ol li:has(.wait) h2 a")
    assert "国庆节" in walk.text
    walk.press("#draw button")
    assert "前面还有" in walk.text
    walk.press("#language")
    assert "Waiting" in walk.text
    walk.press("#cancel button")
    assert "Given back" in walk.text
    walk.go(f"{url}/branches?near=121.4737,31.2304&q=cash")
    near = browser.find_element(By.NAME, "near")
    assert near.get_attribute("aria-describedby") == "fault-near"
    assert "such as 39.91,116.40" in walk.text
