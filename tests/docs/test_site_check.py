"""What the check of the built site finds: `make site` fails with it."""

from pathlib import Path

import pytest
import site_check


def faults(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return site_check.faults(folder)


def test_a_site_whose_links_lead_somewhere_has_no_faults(tmp_path: Path) -> None:
    page = (
        '<link rel="stylesheet" href="a/x.css"><script src="a/x.js"></script>'
        '<a href="sub/b.html#there">b</a> <a href="#here">here</a> <h1 id="here">x</h1>'
        '<a href="https://semver.org/">a link may leave</a> <a href="/index.html">root</a>'
    )
    other = '<p id="there"></p><a href="..">up</a><img src="data:image/png;base64,x">'
    css = ".a { background: url('x.svg'); b: url(data:image/svg+xml,http://www.w3.org/2000/svg) }"
    script = "/* https://example.com */ f('https://unpkg.com/mermaid@11/x.js')"
    assert faults(tmp_path, index_html=page, sub__b_html=other, a__x_css=css, a__x_js=script) == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<a href="no.html">', "index.html: the link 'no.html' leads nowhere"),
        ('<img src="no.png">', "index.html: the link 'no.png' leads nowhere"),
        ('<a href="sub/">', "index.html: the link 'sub/' leads nowhere"),
        ('<a href="#no">', "index.html: '#no' names an anchor that is not there"),
        ('<script src="https://h/x.js">', "index.html: loads https://h/x.js"),
        ('<link rel="preconnect" href="//h">', "index.html: loads //h"),
        ('<iframe src="http://h/">', "index.html: loads http://h/"),
        ('<div class="mermaid">', "x.js: may load https://unpkg.com/mermaid@11/x.js"),
    ],
)
def test_a_fault_is_named_with_its_page(page: str, fault: str, tmp_path: Path) -> None:
    script = "load('https://unpkg.com/mermaid@11/x.js')"
    assert faults(tmp_path, index_html=page, x_js=script) == [fault]


@pytest.mark.parametrize(
    ("css", "address"),
    [
        ("@import 'https://h/f.css';", "https://h/f.css"),
        ('a { b: url("//h/f.woff") }', "//h/f.woff"),
    ],
)
def test_a_style_sheet_that_loads_from_elsewhere_is_a_fault(
    css: str, address: str, tmp_path: Path
) -> None:
    assert faults(tmp_path, x_css=css) == [f"x.css: loads {address}"]


def test_a_script_with_an_unknown_address_is_a_fault(tmp_path: Path) -> None:
    messages = faults(tmp_path, x_js="fetch('https://h/data')")
    assert messages == ["x.js: may load https://h/data"]
