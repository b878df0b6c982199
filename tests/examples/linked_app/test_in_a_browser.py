"""The app as its README starts it, at a sandbox of its own, in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

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

EXAMPLES = processes.ROOT / "examples"
_SWITCHES = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("butler")


@pytest.fixture(scope="module")
def bank_url(folder: Path) -> Iterator[str]:
    with processes.sandbox(folder, "--clock", processes.MORNING) as (url, _):
        yield url


@pytest.fixture(scope="module")
def butler(bank_url: str, folder: Path) -> Iterator[str]:
    """Start the app with the commands of its README; gives where it is."""
    port = processes.free_port()
    own = f"http://127.0.0.1:{port}"
    redirects = [word for path in ("linked", "allowed") for word in ("--redirect-uri", f"{own}/{path}")]
    made = processes.run("apps", "create", "--name", "缴费管家", "--url", bank_url, *redirects, cwd=folder)
    assert made.returncode == 0, made.stderr
    (folder / "app.json").write_text(made.stdout, encoding="utf-8")
    environment = processes.environment(ahead=str(EXAMPLES), OPENTELLER_BASE_URL=bank_url)
    command = [sys.executable, "-W", "default", "-m", "linked_app", "--credentials", "app.json", "--port", str(port)]
    with (folder / "butler.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            assert processes.comes_up(port, process), (folder / "butler.log").read_text()
            yield own
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM or ""
    for switch in (*_SWITCHES, "--accept-lang=zh-CN", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    yield driver
    driver.quit()


def press(browser: webdriver.Chrome, form: str, button: str = ":not(.plain)") -> None:
    """Press a button of a form, and wait for the page that follows."""
    before = browser.find_element(By.TAG_NAME, "html").id
    browser.find_element(By.CSS_SELECTOR, f"{form} button{button}").click()
    # While one page gives way to the next, the driver's questions about either may fail.
    patient = WebDriverWait(browser, 30, 0.05, ignored_exceptions=[WebDriverException])
    patient.until(
        lambda page: (
            page.find_element(By.TAG_NAME, "html").id != before
            and page.execute_script("return document.readyState") == "complete"
        )
    )


def fill(browser: webdriver.Chrome, form: str, **values: str) -> None:
    for name, text in values.items():
        browser.find_element(By.CSS_SELECTOR, f"{form} [name={name}]").send_keys(text)
    press(browser, form)


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def at_the_bank(browser: webdriver.Chrome, bank_url: str) -> None:
    """Begin and sign in at the bank where it asks for that, read what is asked for, and approve."""
    assert browser.current_url.startswith(bank_url)
    if browser.find_elements(By.CSS_SELECTOR, "main [name=step][value=start]"):
        press(browser, "main form")
    if browser.find_elements(By.NAME, "customer_number"):
        fill(browser, "main form", customer_number="62000001", demo_code="246810")
    assert "缴费管家" in text(browser)
    press(browser, "main form")


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Give what the browser has to say against the pages, such as that their policy forbids something."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_somebody_links_an_account_has_a_bill_paid_and_ends_it(
    butler: str, bank_url: str, folder: Path, browser: webdriver.Chrome
) -> None:
    browser.get(butler)
    fill(browser, "#sign-in", account="小明在成都")
    assert "还没有绑定" in text(browser)
    press(browser, "#link")
    at_the_bank(browser, bank_url)
    assert browser.current_url == f"{butler}/" and "还没有授权" in text(browser)
    press(browser, "#allow")
    at_the_bank(browser, bank_url)
    assert browser.current_url == f"{butler}/" and "每笔最多 CNY 200.00" in text(browser)
    fill(browser, "#save", account_number="3100000011", label="爸妈家")
    assert "爸妈家 *******011" in text(browser)
    press(browser, ".pay")
    assert "授权满 24 小时后才能代缴：2026-09-30 10:3" in text(browser)
    at = {"OPENTELLER_BASE_URL": bank_url, "OPENTELLER_CREDENTIALS": str(folder / "app.json")}
    assert processes.run("clock", "advance", "25h", cwd=folder, env=at).returncode == 0
    browser.get(butler)
    assert "CNY 111.85 应缴日 2026-10-01" in text(browser)
    press(browser, ".reminder", ".later")
    assert "再提醒：10-01 09:00" in text(browser)
    press(browser, ".reminder")
    assert "已代缴 CNY 111.85。" in text(browser) and "待缴账单" not in text(browser)
    press(browser, ".pay")
    assert "没有欠费" in text(browser)
    paid = processes.run("payments", "list", "--json", cwd=folder, env=at)
    assert [one["status"] for one in json.loads(paid.stdout)["data"]] == ["succeeded"]
    press(browser, "#unlink")
    assert "已解除绑定" in text(browser) and "还没有绑定" in text(browser)
    assert complaints(browser) == []
    logged = (folder / "butler.log").read_text()
    assert "code=" not in logged and "nonce=" not in logged
    key = Path(json.loads((folder / "app.json").read_text())["private_key"])
    kept = [folder / "linked_app_data" / name for name in ("secret", "tokens.db")]
    assert [path.stat().st_mode & 0o077 for path in (key, *kept, kept[0].parent)] == [0] * 4
    assert urlsplit(browser.current_url).query == ""
