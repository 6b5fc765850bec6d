"""Pages in a real browser, opened from disk: they filter, sort, show cases, ask nothing of any network, and take no name for markup."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdabench import commands, store
from lambdabench.core.record import Record

webdriver: Any = pytest.importorskip(
    "selenium.webdriver", reason="selenium is not installed: pip install 'lambdabench[test]'"
)
BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no chromium with its driver here: apt-get install chromium chromium-driver"
)
NETWORKS = {
    "resnet50": (40.0, "cpu one"),
    "efficientnet_b0": (90.0, "cpu one"),
    "lambda_resnet26t": (30.0, "cpu one"),
    "convnext_tiny": (20.0, "cpu one"),
    "vit_small_patch16_224": (15.0, "cpu two"),
    "levit_256": (70.0, "cpu two"),
}
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{7*7}}</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, that writes down what it asks for and what goes wrong."""
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture
def page(reports: Path, make_record: Callable[..., Record]) -> Path:
    """Two machines' networks at two batch sizes, one that failed, one of a hostile name."""
    path = reports / "reports" / "quickstart" / "index.html"
    if not path.exists():
        rows: list[Record] = []
        for name, (rate, machine) in (NETWORKS | {HOSTILE: (5.0, "cpu one")}).items():
            for batch in (1, 4):
                same = {"model": name, "batch_size": batch, "device_name": machine, "suite": "quickstart"}
                same |= {"image_px": 256 if name.startswith("lambda") else 224}
                rows += [
                    make_record("latency", batch / rate, **same),
                    make_record("throughput", rate, **same),
                ]
        failed = {"model": "resnet18", "device_name": "cpu one", "suite": "quickstart", "case_id": "gone"}
        rows.append(make_record(None, status="oom", reason=f"too large {HOSTILE}", **failed))
        store.write(rows, store.run_path(reports / "results", "quickstart", "r1"))
        assert commands.report_suite("quickstart", reports / "results", reports / "reports").page == path
    return path


@pytest.fixture
def opened(browser: Any, page: Path) -> Any:
    """The page, anew, with the logs of its loading alone."""
    browser.set_window_size(1400, 900)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(page.as_uri())
    return browser


def visible(browser: Any, selector: str) -> list[str]:
    """The data-case of what is seen, in the order of the document."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.getClientRects().length).map(e => e.dataset.case)",
        selector,
    )


def names(browser: Any) -> list[str]:
    return browser.execute_script(
        "return [...document.querySelectorAll('tr[data-case]')].filter(e => !e.hidden).map(e => e.cells[0].textContent)"
    )


def choose(browser: Any, facet: str, value: str) -> None:
    browser.execute_script(
        "const e = document.querySelector(`select[data-facet='${arguments[0]}']`); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input', {bubbles: true}))",
        facet,
        value,
    )


def click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def refuse_noise(browser: Any, page: Path) -> None:
    """Nothing went wrong, and nothing but the page itself was asked for."""
    assert browser.get_log("browser") == []
    asked = [
        entry["message"] for entry in browser.get_log("performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    assert all(f'"url":"{page.as_uri()}' in entry or '"url":"data:' in entry for entry in asked), asked


def test_it_opens_from_disk_and_asks_for_nothing(opened: Any, page: Path) -> None:
    assert len(visible(opened, ".point")) == 2 * len(NETWORKS)
    assert len(visible(opened, "tr[data-case]")) == 2 * (len(NETWORKS) + 1) + 1
    assert page.stat().st_size < 2e6
    titles = opened.execute_script("return [...document.querySelectorAll('figcaption')].map(e => e.textContent)")
    assert sorted(titles) == ["cpu one, batch 1", "cpu one, batch 4", "cpu two, batch 1", "cpu two, batch 4"]
    refuse_noise(opened, page)


def test_the_first_screen_has_question_answer_figure_holes_and_conditions(opened: Any) -> None:
    for selector in (".question", ".answer", ".panel svg", ".holes li", ".conditions li"):
        top = opened.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect().top", selector)
        assert 0 <= top < 900, selector
    answers = opened.execute_script("return [...document.querySelectorAll('.answer')].map(e => e.textContent)")
    assert any(text.startswith("cpu one") and "efficientnet_b0" in text and "[" in text for text in answers)


def test_hostile_names_stay_text(opened: Any, page: Path) -> None:
    assert "owned" not in opened.title
    assert any(HOSTILE in name for name in names(opened))
    assert opened.execute_script("return document.querySelectorAll('img[src=x]').length") == 0
    opened.execute_script(
        "[...document.querySelectorAll('td button')].find(e => e.textContent.includes('<img')).click()"
    )
    assert HOSTILE in opened.execute_script("return document.querySelector('#card h3').textContent")
    assert "owned" not in opened.title
    refuse_noise(opened, page)


def test_filters(opened: Any) -> None:
    choose(opened, "machine", "cpu two")
    assert set(names(opened)) == {"vit_small_patch16_224", "levit_256 ●"}
    assert len(visible(opened, ".point")) == 4
    assert len(visible(opened, "figure.panel")) == 2
    choose(opened, "batch", "4")
    assert len(visible(opened, ".point")) == 2
    assert opened.execute_script("return document.getElementById('count').textContent") == "2 of 15 cases"
    click(opened, "#pick button[type=reset]")
    opened.execute_async_script("setTimeout(arguments[0], 50)")
    assert len(visible(opened, ".point")) == 12
    opened.execute_script(
        "const e = document.getElementById('search'); e.value = 'EFFICIENT'; e.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert len(visible(opened, ".point")) == 2


def test_the_front_is_of_what_is_left(opened: Any) -> None:
    line = "return [...document.querySelectorAll('.panel')].map(e => e.querySelector('.front').getAttribute('d'))"
    before = opened.execute_script(line)
    choose(opened, "family", "convolution")
    after = opened.execute_script(line)
    assert after != before
    point = opened.execute_script(
        "const e = [...document.querySelectorAll('.panel')].flatMap(p => [...p.querySelectorAll('.point:not([hidden])')])"
        ".sort((a, b) => b.dataset.x - a.dataset.x)[0]; return [e.dataset.x, e.dataset.y]"
    )
    assert any(" ".join(point) in text or f"V{point[1]}H{point[0]}" in text for text in after)
    choose(opened, "family", "")
    assert opened.execute_script(line) == before


def test_a_legend_entry_isolates_its_family(opened: Any) -> None:
    click(opened, "button[data-series='0']")
    assert (
        opened.execute_script("return document.querySelector(\"button[data-series='0']\").getAttribute('aria-pressed')")
        == "true"
    )
    assert {name.split(" ")[0] for name in names(opened)} == {"lambda_resnet26t"}
    click(opened, "button[data-series='0']")
    assert len(visible(opened, ".point")) == 12


def test_tables_sort_by_number(opened: Any) -> None:
    heads = opened.execute_script("return [...document.querySelectorAll('table.cases th')].map(e => e.textContent)")
    place = heads.index("image/s")
    read = "return [...document.querySelectorAll('tr[data-case]')].map(e => e.cells[arguments[0]].dataset.v)"
    for turn in ("ascending", "descending"):
        opened.execute_script("document.querySelectorAll('table.cases th button')[arguments[0]].click()", place)
        values = [float(text) for text in opened.execute_script(read, place) if text]
        assert values == sorted(values, reverse=turn == "descending")
        assert opened.execute_script(read, place)[-1] == "", "what has no number is last"
        head = "return document.querySelectorAll('table.cases th')[arguments[0]].getAttribute('aria-sort')"
        assert opened.execute_script(head, place) == turn


def test_a_point_shows_its_case_to_a_pointer_and_to_keys(opened: Any) -> None:
    action = webdriver.ActionChains(opened)
    point = opened.execute_script("return document.querySelector('.point.on .near')")
    action.move_to_element(point).perform()
    text = opened.execute_script("return document.getElementById('card').innerText")
    for words in ("image/s", "[", "batch", "cpu one", "lambdabench run --suite quickstart --models"):
        assert words in text
    opened.execute_script("document.querySelector('.point[tabindex=\"0\"]').focus()")
    first = opened.execute_script("return document.activeElement.dataset.case")
    keys = webdriver.Keys
    webdriver.ActionChains(opened).send_keys(keys.ARROW_RIGHT).perform()
    assert opened.execute_script("return document.activeElement.dataset.case") != first
    assert "image/s" in opened.execute_script("return document.activeElement.getAttribute('aria-label')")
    webdriver.ActionChains(opened).send_keys(keys.ENTER).perform()
    assert "Close" in opened.execute_script("return document.getElementById('card').innerText")
    webdriver.ActionChains(opened).send_keys(keys.ESCAPE).perform()
    assert opened.execute_script("return document.getElementById('card').hidden")
    assert "point" in opened.execute_script("return document.activeElement.getAttribute('class')"), (
        "where it was before"
    )


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_window(opened: Any, width: int) -> None:
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width
        size = opened.execute_script(
            "const e = document.querySelector('.panel svg'); return e.getBoundingClientRect().width / e.viewBox.baseVal.width"
        )
        assert 11.5 * size > 8.5, "numbers at the axes can be read"
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_light_and_dark(opened: Any) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    colours: set[str] = set()
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        colours.add(opened.execute_script(ground))
    before = opened.execute_script(ground)
    click(opened, "#theme")
    assert len(colours) == 2
    assert opened.execute_script(ground) != before
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_page_over_all_suites_leads_there(opened: Any, reports: Path, page: Path) -> None:
    opened.get((reports / "reports" / "index.html").as_uri())
    opened.execute_script("document.querySelector('a[href$=\"index.html\"]').click()")
    assert opened.current_url == page.as_uri()
    assert opened.get_log("browser") == []
