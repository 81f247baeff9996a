"""The page as a visitor uses it, with a real studio and Chromium."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.studio.conftest import LONG, TINY, png
from tests.studio.page.conftest import Studio, Visitor, api, choose_photo, queue_job

pytest.importorskip("playwright")
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

expect.set_options(timeout=120_000)

PAGE_BYTES = 150_000
"""Most bytes that the page may take on its way."""

DROP = """([selector, bytes, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
  const target = document.querySelector(selector);
  for (const type of ['dragenter', 'dragover', 'drop']) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


def drop(page: Page, selector: str, path: Path) -> None:
    page.evaluate(DROP, [selector, list(path.read_bytes()), path.name])


def painting_state(page: Page, job: str) -> str:
    return str(api(page, "GET", f"/api/jobs/{job}")["state"])


def test_first_visitor_gets_from_drop_to_download(
    visit: Callable[..., Visitor], studio: Studio, photo: Path, tmp_path: Path
) -> None:
    visitor = visit(accept_downloads=True)
    page = visitor.open(settings=TINY)
    drop(page, ".drop", photo)
    expect(page.get_by_text("An instant sketch")).to_be_visible()
    with page.expect_response("**/api/previews") as answer:
        page.get_by_role("button", name="Woodcut", exact=True).click()
    assert answer.value.request.post_data_json["styles"] == [{"style": "woodcut"}]
    with page.expect_response(
        lambda it: it.url.endswith("/api/previews") and '"strength":0.8' in (it.request.post_data or "")
    ):
        page.get_by_label("Strength").fill("0.8")
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_url("**/#/job/*")
    expect(page.get_by_text("Done: 96 × 72 px")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.size == (96, 72)
    assert visitor.problems == []
    assert {url.partition("/")[0] for url in visitor.requests if not url.startswith(("blob:", "data:"))} == {"http:"}
    assert all(url.startswith((f"{studio.origin}/", "blob:", "data:")) for url in visitor.requests)

    # The painting brings its own settings back when it is dropped on a new page.
    second = visit()
    other = second.open()
    drop(other, ".drop", path)
    expect(other.get_by_text("Its settings are back.")).to_be_visible()
    expect(other.get_by_role("button", name="Woodcut", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(other.get_by_label("Strength")).to_have_value("0.8")
    assert second.problems == []


def test_page_is_small(visit: Callable[..., Visitor]) -> None:
    page = visit().open()
    sizes = page.evaluate(
        "() => performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter((entry) => !entry.name.includes('/api/')).map((entry) => [entry.name, entry.transferSize])"
    )
    assert len(sizes) > 20
    assert sum(size for _, size in sizes) <= PAGE_BYTES, sizes


def test_reload_loses_nothing(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open(settings={"strength": 0.7})
    choose_photo(page, photo)
    page.reload()
    expect(page.get_by_text("harbour.png")).to_be_visible()
    expect(page.get_by_label("Strength")).to_have_value("0.7")
    job = queue_job(page, LONG)
    page.goto(f"{page.url.partition('#')[0]}#/job/{job}")
    expect(page.get_by_text(re.compile("^Painting: "))).to_be_visible()
    page.reload()
    expect(page.get_by_text(re.compile("^Painting: "))).to_be_visible()
    expect(page.locator("svg.losses")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()


def test_second_tab_follows_and_steers(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    first = visitor.open()
    job = queue_job(first, LONG)
    first.goto(f"{first.url.partition('#')[0]}#/job/{job}")
    second = visitor.open(f"#/job/{job}")
    expect(second.get_by_text(re.compile("^Painting: "))).to_be_visible()
    second.get_by_label("Strength").fill("0.9")
    expect(first.get_by_text("The change has taken effect.")).to_be_visible()
    expect(first.get_by_label("Strength")).to_have_value("0.9")
    assert api(first, "GET", f"/api/jobs/{job}")["changes"][-1]["settings"] == {"strength": 0.9}
    stage = first.get_by_role("group", name="Back to").get_by_role("button").last
    stage.click()
    expect(second.get_by_text("Painting goes on from the earlier stage.")).to_be_visible()
    second.get_by_role("button", name="Stop").click()
    expect(first.get_by_text("Stopped", exact=True)).to_be_visible()
    assert visitor.problems == []


def test_killed_server_goes_on_after_restart(visit: Callable[..., Visitor], studio: Studio) -> None:
    page = visit().open()
    job = queue_job(page, LONG, title="Harbour at night")
    page.goto(f"{page.url.partition('#')[0]}#/job/{job}")
    expect(page.get_by_text(re.compile("^Painting: "))).to_be_visible()
    studio.kill()
    expect(page.get_by_text("The studio does not answer. Trying again …")).to_be_visible()
    studio.start()
    expect(page.get_by_text("The studio does not answer. Trying again …")).to_be_hidden()
    expect(page.get_by_role("heading", name="Harbour at night")).to_be_visible()
    expect(page.get_by_text(re.compile("^Painting: "))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()


def test_queue_orders_cancels_and_searches(visit: Callable[..., Visitor]) -> None:
    page = visit().open("#/queue")
    painting = queue_job(page, LONG, title="First in line")
    early, late = (queue_job(page, LONG, title=title) for title in ("Early bird", "Night owl"))
    rows = page.locator(".queue li")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Earlier: Night owl").click()
    expect(rows.nth(1)).to_contain_text("Night owl")
    for title in ("Night owl", "Early bird", "First in line"):
        page.get_by_role("button", name=f"Stop: {title}").click()
    expect(rows).to_have_count(0)
    page.get_by_role("searchbox").fill("owl")
    expect(page.locator(".card")).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete: Night owl").click()
    expect(page.get_by_text("No painting has these words.")).to_be_visible()
    left = [job["id"] for job in api(page, "GET", "/api/history?limit=200")["jobs"]]
    assert {painting, early} <= set(left)
    assert late not in left


def test_many_photos_come_back_as_zip(visit: Callable[..., Visitor], photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "lake.png"
    other.write_bytes(png(seed=5))
    page = visit(accept_downloads=True).open("#/many", settings=TINY)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add photos").click()
    chooser.value.set_files([photo, other])
    page.get_by_role("button", name="Paint 2 photos").click()
    page.wait_for_url("**/#/batch/*")
    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as zip").click()
    download.value.save_as(tmp_path / "all.zip")
    assert len(zipfile.ZipFile(tmp_path / "all.zip").namelist()) == 2


def test_variant_is_taken_on(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open(settings=TINY)
    choose_photo(page, photo)
    page.locator(".go summary").click()
    page.get_by_role("button", name="Different colours").click()
    page.wait_for_url("**/#/batch/*")
    expect(page.locator(".card")).to_have_count(4)
    page.get_by_role("button", name="Take on").first.click()
    expect(page.get_by_role("button", name="Paint", exact=True)).to_be_visible()
    expect(page.get_by_label("Long side")).to_have_value("1024")
    for batch in api(page, "GET", "/api/state")["batches"]:
        api(page, "DELETE", f"/api/batches/{batch['id']}")


def test_mask_is_drawn_by_mouse(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open(settings=TINY)
    choose_photo(page, photo)
    page.get_by_role("button", name="Draw: Leave as in the photo").click()
    canvas = page.locator(".stage canvas")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    box = canvas.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    for _ in range(2):
        page.mouse.move(box["x"] + box["width"] * 0.4, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=8)
        page.mouse.up()
        expect(page.get_by_role("button", name="Undo")).to_be_enabled()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Redo").click()
    with page.expect_response("**/api/pictures?kind=mask*") as answer:
        page.get_by_role("button", name="Use this region").click()
    mask = answer.value.json()
    assert (mask["kind"], mask["width"], mask["height"]) == ("mask", 96, 72)
    image = page.request.get(f"{page.url.partition('#')[0]}api/pictures/{mask['id']}/image?side=96").body()
    (page_file := photo.with_name("mask.png")).write_bytes(image)
    with Image.open(page_file) as picture:
        grey = picture.convert("L")
        assert grey.getpixel((48, 36)) > 250
        assert grey.getpixel((5, 5)) == 0
    with page.expect_response("**/api/previews") as preview:
        page.get_by_label("Detail").fill("0.4")
    assert preview.value.request.post_data_json["settings"]["protect"] == mask["id"]


def test_part_of_style_is_drawn(visit: Callable[..., Visitor], photo: Path) -> None:
    visitor = visit()
    page = visitor.open(settings=TINY)
    choose_photo(page, photo)
    page.get_by_role("button", name="Draw: Part of Swirls to paint with").press("Enter")
    expect(page.get_by_role("button", name="Faces")).to_have_count(0)
    page.get_by_role("button", name="Fill").press("Enter")
    with (
        page.expect_response("**/api/pictures?kind=mask*") as answer,
        page.expect_request("**/api/previews") as preview,
    ):
        page.get_by_role("button", name="Use this region").press("Enter")
    mask = answer.value.json()
    assert max(mask["width"], mask["height"]) == 1024
    assert preview.value.post_data_json["settings"]["style_masks"] == {"1": mask["id"]}
    with page.expect_request("**/api/previews") as preview:
        page.get_by_role("button", name="Remove: Part of Swirls to paint with").press("Enter")
    assert "style_masks" not in preview.value.post_data_json["settings"]
    assert visitor.problems == []


def test_texture_is_painted_without_photo(visit: Callable[..., Visitor], photo: Path, tmp_path: Path) -> None:
    visitor = visit(accept_downloads=True)
    page = visitor.open(settings={**TINY, "strength": 0.7, "colour": "keep"})
    page.get_by_role("button", name="or paint a texture of a style, without a photo").press("Enter")
    expect(page.get_by_label("Detail")).to_be_visible()
    expect(page.get_by_label("Strength")).to_have_count(0)
    with page.expect_request("**/api/previews") as preview:
        page.get_by_role("switch", name="Seamless, for tiling").press("Space")
    assert preview.value.post_data_json == {
        "photo": None,
        "styles": [{"style": "swirls"}],
        "settings": {"encoder": "builtin-slim", "seamless": True},
    }
    page.get_by_role("button", name="Paint", exact=True).press("Enter")
    page.wait_for_url("**/#/job/*")
    expect(page.get_by_text("Done: 96 × 96 px")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(path := tmp_path / "texture.png")

    # A photo takes its place, with its own settings; the painted texture brings the texture back.
    page.get_by_role("link", name="Paint", exact=True).click()
    drop(page, "#main", photo)
    expect(page.get_by_label("Strength")).to_have_value("0.7")
    drop(page, "#main", path)
    expect(page.get_by_text("Its settings are back.")).to_be_visible()
    expect(page.get_by_role("switch", name="Texture, without the photo")).to_be_checked()
    expect(page.get_by_role("switch", name="Seamless, for tiling")).to_be_checked()


def test_brush_is_fast_on_large_masks(visit: Callable[..., Visitor]) -> None:
    page = visit().open()
    milliseconds = page.evaluate(
        """async () => {
          const { Brush } = await import('/brush.js');
          const { PictureView } = await import('/picture_view.js');
          const canvas = document.createElement('canvas');
          canvas.className = 'picture';
          document.body.append(canvas);
          const photo = document.createElement('canvas');
          photo.width = photo.height = 2048;
          photo.getContext('2d').fillRect(0, 0, 999, 999);
          const view = new PictureView(canvas, () => {});
          view.setSize(2048, 2048);
          view.setBefore(photo);
          const brush = new Brush(2048, 2048, () => {});
          brush.view = view;
          view.tool = brush;
          view.resize();
          const times = [];
          brush.down(300, 300);
          for (let step = 0; step < 60; step += 1) {
            const start = performance.now();
            brush.put({ x: 20 * step, y: 700 }, { x: 20 * step + 40, y: 740 });
            view.paint();
            view.context.getImageData(0, 0, 1, 1);
            times.push(performance.now() - start);
          }
          view.close();
          canvas.remove();
          return times.sort((one, other) => one - other)[30];
        }"""
    )
    assert milliseconds < 1000 / 30


def test_crop_replaces_photo(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open()
    choose_photo(page, photo)
    page.get_by_role("button", name="Crop").click()
    page.get_by_role("radio", name="1:1").check()
    page.get_by_role("button", name="Upper left corner").press("ArrowRight")
    page.locator(".go").get_by_role("button", name="Crop").click()
    expect(page.get_by_text(re.compile(r"^71 × 71$"))).to_be_visible()


def test_divider_and_zoom_answer_keys(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open()
    choose_photo(page, photo)
    page.get_by_role("button", name="Compare").click()
    divider = page.get_by_role("slider", name="Divider between photo and painting")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    divider.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "45")
    page.get_by_role("button", name=re.compile("^Zoom .* pixel for pixel")).click()
    expect(page.locator(".percent")).to_have_text("100 %")
    page.locator(".stage canvas").press("0")
    expect(page.locator(".percent")).not_to_have_text("100 %")


def test_painting_by_keyboard_alone(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open(settings=LONG)
    page.on("filechooser", lambda chooser: chooser.set_files(photo))

    def tab_to(text: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            name = page.evaluate(
                "() => (document.activeElement.ariaLabel || document.activeElement.textContent || '').trim()"
            )
            if name.startswith(text):
                return
        raise AssertionError(f"no way to {text!r} by the Tab key")

    tab_to("Drop a photo")
    page.keyboard.press("Enter")
    page.locator(".stage canvas").wait_for()
    tab_to("Mosaic")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Mosaic", exact=True)).to_have_attribute("aria-pressed", "true")
    tab_to("Paint")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#/job/*")
    tab_to("Stop")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()


@pytest.mark.parametrize("view", ["", "#/queue", "#/many", "#/pictures"])
def test_phone_has_no_sideways_scroll(visit: Callable[..., Visitor], photo: Path, view: str) -> None:
    visitor = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = visitor.open(view)
    if not view:
        choose_photo(page, photo)
        expect(page.get_by_role("button", name="Paint", exact=True)).to_be_in_viewport()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_theme_follows_system_and_button(visit: Callable[..., Visitor]) -> None:
    page = visit(color_scheme="dark").open()
    shade = "() => Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    assert page.evaluate(shade) < 60
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(shade) > 200
    page.reload()
    page.locator("#main").wait_for()
    assert page.evaluate(shade) > 200


def test_language_follows_browser_and_choice(visit: Callable[..., Visitor]) -> None:
    page = visit(locale="ru-RU").open()
    expect(page.get_by_role("heading", name="Превратите фотографию в картину")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "ru"
    latin = page.evaluate("() => document.querySelector('#main').innerText.match(/[a-z]{3,}/gi)")
    assert latin is None
    page.get_by_label("Язык").select_option("en")
    expect(page.get_by_role("heading", name="Turn a photo into a painting")).to_be_visible()


def test_uploads_are_deleted_by_one_button(visit: Callable[..., Visitor], photo: Path) -> None:
    page = visit().open()
    choose_photo(page, photo)
    page.get_by_role("link", name="Uploads").click()
    expect(page.locator(".card").first).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("Nothing is uploaded.")).to_be_visible()
    assert api(page, "GET", "/api/pictures")["pictures"] == []
    page.get_by_role("link", name="Paint", exact=True).click()
    expect(page.locator(".drop")).to_be_visible()
