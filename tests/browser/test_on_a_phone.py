"""The payer's pages in a real browser as wide as a phone. They have no scripts, and their policy would run none."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.sdk.processes import MORNING, sandbox

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
from selenium import webdriver  # noqa: E402 - only where it is installed
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402
from tests.sandbox.test_serving import _call, _token  # noqa: E402

_CHROMIUM = shutil.which("chromium")
_DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="chromium and chromedriver are not installed")

WIDTH = 360
_SOON_S = 0.05
"""After which a page is asked again whether it is there."""
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox(tmp_path_factory.mktemp("phone"), "--clock", MORNING) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM or ""
    for switch in (*_SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.add_experimental_option("prefs", {"intl.accept_languages": "zh-CN,en"})
    options.add_experimental_option(
        "mobileEmulation", {"deviceMetrics": {"width": WIDTH, "height": 740, "pixelRatio": 2}}
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    yield driver
    driver.quit()


def _look(browser: webdriver.Chrome, folder: Path, name: str) -> None:
    """Check what holds for every page, and keep a picture of one for which it does not."""
    try:
        _check(browser, name)
    except AssertionError:
        browser.save_screenshot(str(folder / f"{name}.png"))
        raise


def _check(browser: webdriver.Chrome, name: str) -> None:
    size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    assert size["width"] <= WIDTH, f"{name} is wider than the phone"
    found = browser.execute_script(_WRONG)
    assert found["unlabelled"] == [], f"{name} has a field without a label"
    assert found["small"] == [], f"{name} has a target that is hard to hit"
    assert found["scripts"] == 0
    complaints = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [text for text in complaints if "Content Security Policy" in text or "Content-Security-Policy" in text]
    assert browser.find_element(By.CLASS_NAME, "watermark").is_displayed()


_WRONG = """
const all = (selector, isWrong) =>
  [...document.querySelectorAll(selector)].filter(isWrong).map(element => element.outerHTML.slice(0, 120));
return {
  unlabelled: all("main input:not([type=hidden]), main select, main textarea", field => field.labels.length == 0),
  small: all("main button, main .choice", target => target.getBoundingClientRect().height < 40),
  scripts: document.getElementsByTagName("script").length,
};
"""


def _press(browser: webdriver.Chrome) -> None:
    """Press the main button, and wait for the page that follows."""
    before = browser.page_source
    browser.find_element(By.CSS_SELECTOR, "main form button:not(.plain)").click()
    # While one page gives way to the next, the driver's questions about either may fail.
    patient = WebDriverWait(browser, 30, _SOON_S, ignored_exceptions=[WebDriverException])
    patient.until(lambda page: page.page_source != before and page.find_element(By.TAG_NAME, "footer"))


def _type(browser: webdriver.Chrome, name: str, text: str) -> None:
    field = browser.find_element(By.NAME, name)
    field.clear()
    field.send_keys(text)


def _open_link(url: str, locale: str, **hints: str) -> dict:
    body = json.dumps({"partner_reference": f"phone-{locale}-{len(hints)}", "locale": locale, **hints}).encode()
    headers = {
        "Authorization": f"Bearer {_token(url)}",
        "Content_Type": "application/json",
        "Idempotency_Key": f"phone-{locale}",
    }
    status, _, answer = _call(url, "POST", "/v1/payments", body, **headers)
    assert status == 201, answer
    return dict(json.loads(answer))


def test_a_bill_is_paid_on_a_phone(browser: webdriver.Chrome, url: str, tmp_path: Path) -> None:
    payment = _open_link(url, "zh-CN", category_code="ELECTRICITY", adcode="310000")
    browser.get(payment["payment_link"]["url"])
    assert payment["payment_link"]["code4"] in browser.find_element(By.CLASS_NAME, "code4").text
    for step, values in (
        ("landing", {}),
        ("biller", {}),
        ("account", {"in_account_number": "3100000011"}),
        ("sign_in", {"customer_number": "62000001", "demo_code": "246810"}),
        ("confirm", {}),
    ):
        _look(browser, tmp_path, step)
        for name, text in values.items():
            _type(browser, name, text)
        _press(browser)
    _look(browser, tmp_path, "result")
    assert "缴费成功" in browser.find_element(By.TAG_NAME, "main").text
    browser.find_element(By.CSS_SELECTOR, "a.button").click()
    _look(browser, tmp_path, "receipt")
    assert "人民币" in browser.find_element(By.TAG_NAME, "main").text
    _press(browser)
    _look(browser, tmp_path, "receipt-being-printed")
    assert "正在制作 PDF" in browser.find_element(By.TAG_NAME, "main").text
    # The page reloads by itself until the PDF is there.
    patient = WebDriverWait(browser, 60, _SOON_S, ignored_exceptions=[WebDriverException])
    patient.until(lambda page: "下载 PDF 回单" in page.find_element(By.TAG_NAME, "main").text)
    _look(browser, tmp_path, "receipt-printed")
    numbers = [each.text for each in browser.find_elements(By.CSS_SELECTOR, "dd.mono")[:2]]
    _check_receipt(browser, url, tmp_path, *numbers)


def _check_receipt(browser: webdriver.Chrome, url: str, folder: Path, number: str, code: str) -> None:
    """Ask as somebody who was shown the receipt; first with a slip of the finger."""
    browser.get(f"{url}/receipt-check")
    slip = code[:-1] + ("A" if code[-1] != "A" else "B")
    for typed, said in ((slip, "没有出具过"), (code, "缴费有效")):
        _type(browser, "receipt_number", number)
        _type(browser, "verification_code", typed)
        _press(browser)
        _look(browser, folder, f"receipt-check-{said}")
        assert said in browser.find_element(By.TAG_NAME, "main").text


def _accessible(browser: webdriver.Chrome, name: str) -> None:
    """Check a page as those meet it who hear it or use the keyboard: names, headings, contrast, and the way of Tab."""
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    acted_on = {"button", "link", "textbox", "combobox", "radio", "checkbox", "DisclosureTriangle"}
    for node in tree:
        if not node["ignored"] and node["role"]["value"] in acted_on:
            assert node["name"]["value"].strip(), f"{name} has a {node['role']['value']} without a name"
    levels = [int(heading.tag_name[1]) for heading in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels)), f"{name}: {levels}"
    ids = [each.get_attribute("id") for each in browser.find_elements(By.CSS_SELECTOR, "[id]")]
    assert len(ids) == len(set(ids))
    assert browser.execute_script(_PALE) == [], f"{name} has text that is hard to read"
    reached = _reached_by_tab(browser)
    wanted = browser.find_elements(By.CSS_SELECTOR, "main a, main button, main summary, main input:not([type=hidden])")
    assert {each.id for each in wanted if each.is_displayed()} <= reached, f"{name} has what Tab does not reach"


def _reached_by_tab(browser: webdriver.Chrome) -> set[str]:
    """Go on with Tab until it comes round to where it has been."""
    reached: set[str] = set()
    focused = browser.switch_to.active_element
    for _ in range(60):
        focused.send_keys(Keys.TAB)
        focused = browser.switch_to.active_element
        if focused.id in reached:
            break
        reached.add(focused.id)
    return reached


_PALE = r"""
const light = colour => {
  const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map(Number).map(
    part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
  const colour = getComputedStyle(element).backgroundColor;
  return /, 0\)$/.test(colour) && element.parentElement ? behind(element.parentElement) : colour;
};
return [...document.querySelectorAll("body *")].filter(element => {
  if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) || !element.checkVisibility())
    return false;
  const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
  return (one + 0.05) / (other + 0.05) < 4.5;
}).map(element => element.outerHTML.slice(0, 120));
"""
"""Gives what has less contrast than WCAG 2.2 asks for (1.4.3: 4.5 to 1)."""


def _allow(browser: webdriver.Chrome, url: str, folder: Path) -> None:
    """Let an app of the demo world ask the customer, and allow it."""
    wanted = {
        "client_name": "微博缴费助手",
        "profile": "baseline",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "redirect_uris": [f"{url}/link-check"],
    }
    headers = {"Authorization": f"Bearer {_token(url)}", "Content_Type": "application/json"}
    status, _, answer = _call(url, "POST", "/oauth/register", json.dumps(wanted).encode(), **headers)
    assert status == 201, answer
    request = {
        "response_type": "code",
        "client_id": json.loads(answer)["client_id"],
        "redirect_uri": f"{url}/link-check",
        "scope": "bills:read payments:create",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    browser.get(f"{url}/oauth/authorize?{urlencode(request)}")
    _sign_in(browser, folder, "authorize-sign-in")
    _look(browser, folder, "consent")
    _accessible(browser, "consent")
    _press(browser)


def _sign_in(browser: webdriver.Chrome, folder: Path, name: str) -> None:
    _look(browser, folder, name)
    _accessible(browser, name)
    _type(browser, "customer_number", "62000001")
    _type(browser, "demo_code", "246810")
    _press(browser)


def test_customers_see_what_is_theirs_on_a_phone_and_take_a_permission_back(
    browser: webdriver.Chrome, url: str, tmp_path: Path
) -> None:
    _allow(browser, url, tmp_path)
    browser.get(f"{url}/customer")
    _sign_in(browser, tmp_path, "customer-sign-in")
    _look(browser, tmp_path, "customer")
    _accessible(browser, "customer")
    assert "微博缴费助手" in browser.find_element(By.ID, "permissions").find_element(By.XPATH, "..").text
    browser.find_element(By.CSS_SELECTOR, ".card summary").send_keys(Keys.ENTER)  # opened without a pointer
    _look(browser, tmp_path, "customer-revoke")
    _accessible(browser, "customer-revoke")
    _press(browser)
    _look(browser, tmp_path, "customer-revoked")
    assert "已撤销" in browser.find_element(By.CSS_SELECTOR, "[role=status]").text
    assert "您没有给任何应用授权" in browser.find_element(By.TAG_NAME, "main").text
    browser.find_element(By.CSS_SELECTOR, "header a").click()
    _look(browser, tmp_path, "customer-en")
    assert "Permissions that have ended (1)" in browser.find_element(By.TAG_NAME, "main").text
    browser.get(_extension(url))
    _look(browser, tmp_path, "extension")
    _accessible(browser, "extension")
    _press(browser)
    _look(browser, tmp_path, "extended")
    _accessible(browser, "extended")
    assert "已延长" in browser.find_element(By.TAG_NAME, "main").text


def _extension(url: str) -> str:
    """Have the demo app ask the customer for longer; give the page."""
    headers = {"Authorization": f"Bearer {_token(url)}", "Content_Type": "application/json"}
    given = json.dumps({"authorization_details": [], "lasts_seconds": 86_400}).encode()
    _, _, answer = _call(url, "POST", "/sandbox/v1/consents", given, **headers)
    until = datetime.now(UTC) + timedelta(days=100)
    asked = json.dumps({"consent_expires_at": until.isoformat(timespec="seconds")}).encode()
    path = f"/v1/consents/{json.loads(answer)['consent_id']}/extensions"
    status, _, answer = _call(url, "POST", path, asked, **headers)
    assert status == 201, answer
    return str(json.loads(answer)["approval_url"])


def test_the_page_speaks_english_and_marks_what_is_wrong(browser: webdriver.Chrome, url: str, tmp_path: Path) -> None:
    browser.get(_open_link(url, "en")["payment_link"]["url"])
    _look(browser, tmp_path, "landing-en")
    _press(browser)
    _look(browser, tmp_path, "place-en")
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    _press(browser)
    _press(browser)
    _type(browser, "in_account_number", "1")
    _press(browser)
    _look(browser, tmp_path, "account-fault-en")
    assert browser.find_elements(By.CSS_SELECTOR, "[aria-invalid=true]")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_an_account_is_linked_on_a_phone(browser: webdriver.Chrome, url: str, tmp_path: Path, locale: str) -> None:
    body = {"channel": "weibo", "actor_ref": f"somebody-on-a-phone-{locale}", "actor_label": "@小明在成都"}
    headers = {"Authorization": f"Bearer {_token(url)}", "Content_Type": "application/json"}
    status, _, answer = _call(
        url, "POST", "/v1/account-links", json.dumps(body | {"locale": locale}).encode(), **headers
    )
    assert status == 201, answer
    browser.get(json.loads(answer)["link_url"])
    for step, values in (
        ("link-landing", {}),
        ("link-sign-in", {"customer_number": "62000001", "demo_code": "246810"}),
        ("link-approve", {}),
    ):
        _look(browser, tmp_path, f"{step}-{locale}")
        for name, text in values.items():
            _type(browser, name, text)
        _press(browser)
    _look(browser, tmp_path, f"link-approved-{locale}")
    assert re.fullmatch(r"[B-Z]{4}(-[B-Z]{4}){3}", browser.find_element(By.CLASS_NAME, "nonce").text)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/errors/",
        "/errors/BILL_CHANGED",
        "/link-check",
        "/link-check?lang=en",
        "/receipt-check",
        "/R/OTR1-X?lang=en",
        "/pay/unknown",
        "/account-link/unknown?lang=en",
    ],
)
def test_the_other_pages_fit_a_phone(browser: webdriver.Chrome, url: str, tmp_path: Path, path: str) -> None:
    browser.get(url + path)
    _look(browser, tmp_path, "page")


def test_the_reference_works_without_the_internet(browser: webdriver.Chrome, url: str) -> None:
    """Everything that the page asks for comes from the sandbox itself."""
    status, _, body = _call(url, "GET", "/docs/")
    assert status == 200
    addresses = [part for part in body.decode().split('"') if part.startswith(("http://", "https://", "//"))]
    assert [address for address in addresses if not address.startswith(url)] == []


def test_a_branch_is_found_from_its_neighbour_on_a_phone(browser: webdriver.Chrome, url: str, tmp_path: Path) -> None:
    """The drawing fills the page, its labels can be read, and the list beside it leads on."""
    _, _, answer = _call(url, "GET", "/v1/branches?near=31.2336,121.4692&service=CORPORATE&limit=1")
    branch = json.loads(answer)["data"][0]
    browser.get(f"{url}/branches/{branch['branch_id']}")
    _look(browser, tmp_path, "branch")
    assert browser.find_element(By.CSS_SELECTOR, ".map svg").size["width"] >= WIDTH - 50
    script = "return [...document.querySelectorAll('.map text')].map(each => each.getBoundingClientRect().height)"
    assert min(browser.execute_script(script)) >= 9
    link = browser.find_element(By.CSS_SELECTOR, ".near a")
    name = link.text
    browser.execute_script("document.querySelectorAll('main bdi').forEach(each => each.textContent += 'W'.repeat(500))")
    _look(browser, tmp_path, "branch-of-long-words")
    link.send_keys(Keys.ENTER)
    WebDriverWait(browser, 10, _SOON_S).until(lambda driver: driver.find_element(By.TAG_NAME, "h1").text == name)
    _look(browser, tmp_path, "neighbour")
    browser.get(f"{url}/branches")
    browser.find_element(By.NAME, "q").send_keys("上海 虹口", Keys.ENTER)
    WebDriverWait(browser, 10, _SOON_S).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".near a"))
    _look(browser, tmp_path, "found")
    assert "虹口" in browser.find_element(By.CSS_SELECTOR, ".near a").text
    browser.execute_script("document.querySelectorAll('main bdi').forEach(each => each.textContent += 'W'.repeat(500))")
    _look(browser, tmp_path, "found-of-long-words")


def test_the_rates_are_read_on_a_phone(browser: webdriver.Chrome, url: str, tmp_path: Path) -> None:
    """The drawing is as wide as the page lets it be, its labels can be read, and the table opens without a script."""
    browser.get(f"{url}/rates")
    _look(browser, tmp_path, "rates")
    browser.find_element(By.LINK_TEXT, "美元").click()
    WebDriverWait(browser, 10, _SOON_S).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".chart svg"))
    _look(browser, tmp_path, "rate")
    drawing = browser.find_element(By.CSS_SELECTOR, ".chart svg")
    assert drawing.size["width"] >= WIDTH - 50
    script = "return [...document.querySelectorAll('.chart text')].map(each => each.getBoundingClientRect().height)"
    assert min(browser.execute_script(script)) >= 9
    assert not browser.find_element(By.CSS_SELECTOR, "details table").is_displayed()
    browser.find_element(By.CSS_SELECTOR, "details summary").click()
    assert browser.find_element(By.CSS_SELECTOR, "details table").is_displayed()
    _look(browser, tmp_path, "rate-table")
