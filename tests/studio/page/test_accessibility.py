"""Each view of the page against axe, in light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.studio.conftest import LONG
from tests.studio.page.conftest import Visitor, api, choose_photo, queue_job

pytest.importorskip("playwright")
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")


def violations(page: Page) -> list[str]:
    page.wait_for_timeout(400)
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run().then((result) => result.violations)")
    return [f"{item['id']}: {[node['html'][:160] for node in item['nodes']]}" for item in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(visit: Callable[..., Visitor], photo: Path, scheme: str) -> None:
    page = visit(color_scheme=scheme).open()
    found = {"welcome": violations(page)}
    page.get_by_role("button", name="or paint a texture").click()
    page.get_by_role("button", name="Draw: Part of Swirls to paint with").wait_for()
    found["texture"] = violations(page)
    page.get_by_role("switch", name="Texture, without the photo").click()
    choose_photo(page, photo)
    page.get_by_text("All settings").click()
    page.get_by_role("switch", name="Blend several").check()
    page.get_by_role("button", name="Mosaic", exact=True).click()
    found["paint"] = violations(page)
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("slider", name="Divider").wait_for()
    found["compare"] = violations(page)
    page.get_by_role("button", name="Crop").click()
    found["crop"] = violations(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Draw: Leave as in the photo").click()
    found["mask"] = violations(page)
    job = queue_job(page, LONG)
    for view in (f"job/{job}", "queue", "many", "pictures"):
        page.goto(f"{page.url.partition('#')[0]}#/{view}")
        page.wait_for_timeout(600)
        found[view] = violations(page)
    page.goto(f"{page.url.partition('#')[0]}#/job/{job}")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped", exact=True).wait_for()
    found["stopped"] = violations(page)
    api(page, "DELETE", f"/api/jobs/{job}")
    assert {name: items for name, items in found.items() if items} == {}
