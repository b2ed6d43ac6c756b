"""What stands on the pages that make_pages.py makes, in HTML.

Elements with data-t hold text, those of class `fill` as much of theirs as fits; see measure_lines.js.
"""

import html
from collections.abc import Callable, Iterable

from page_setter import Setter

Build = Callable[[Setter], str]
STYLE = """
.page { box-sizing: border-box; width: 100%; height: 100%; position: relative; overflow: hidden; display: flex;
  flex-direction: column }
.fill { flex: 1; min-height: 0; overflow: hidden; column-fill: auto }
[data-row] { display: flex; justify-content: space-between }
tr[data-row] { display: table-row }
td { white-space: nowrap }
.cap { float: left; font-size: 3.6em; line-height: 0.8; padding: 0.06em 0.06em 0 0 }
.bold { font-weight: bold; text-align: left }
"""
"""Rules for all pages."""


def page(inner: str, css: str, padding: str = "60px 64px") -> str:
    """Return a whole page whose parts stand below each other."""
    return f'<div class="page" style="padding:{padding};{css}">{inner}</div>'


def t(text: str, css: str = "", tag: str = "div", kind: str = "") -> str:
    """Return an element of text."""
    return f'<{tag} data-t class="{kind}" style="{css}">{text}</{tag}>'


def fill(inner: str, css: str = "") -> str:
    """Return a box that takes the rest of the page."""
    return f'<div class="fill" style="{css}">{inner}</div>'


def box(inner: str, css: str = "") -> str:
    return f'<div style="{css}">{inner}</div>'


def row(*cells: str, css: str = "") -> str:
    """Return elements beside each other, whose texts are one line of the page's text."""
    return f'<div data-row style="{css}">{"".join(cells)}</div>'


def table_row(values: Iterable[str], css: str, aligned: str = "left") -> str:
    """Return the cells of a row of a table, the first to the left, all others as told."""
    sides = ["left"] + [aligned] * 20
    cells = (
        t(html.escape(value), f"{css};text-align:{side}", "td") for value, side in zip(values, sides, strict=False)
    )
    return f"<tr data-row>{''.join(cells)}</tr>"


def head(s: Setter, size: float = 1.8) -> str:
    return t(s.words(2, 6), f"font-size:{size}em;line-height:1.2;margin:0.4em 0", kind="bold")


def book(s: Setter) -> str:
    """A page of prose with its running head and number."""
    running = t(s.words(2, 4), "text-align:center;font-style:italic;font-size:0.85em;margin-bottom:14px")
    number = t(str(int(s.rng.integers(2, 500))), "text-align:center;margin-top:12px")
    return page(running + fill(s.paragraphs(900)) + number, s.css)


def columns(count: int, rule: bool = False) -> Build:
    def build(s: Setter) -> str:
        css = f"columns:{count};column-gap:{'26px' if count < 3 else '18px'};"
        css += "column-rule:1px solid #333;" if rule else ""
        small = f"font-size:{s.size if count < 3 else s.size - 2.5:.1f}px;"
        return page(head(s) + fill(s.paragraphs(1400), css + small), s.css)

    return build


def heading_across(s: Setter) -> str:
    """Two columns, a heading across both in the middle, and two columns again."""
    css = "columns:2;column-gap:24px;"
    return page(fill(s.paragraphs(600), css) + head(s, 2) + fill(s.paragraphs(600), css), s.css)


def footnotes(s: Setter) -> str:
    notes, text = "", ""
    for i in range(1, 4):
        mark = f'<sup style="font-size:0.65em;line-height:0">{i}</sup>'
        text += f'<p data-t style="margin:0;text-indent:1.4em">{s.prose(60)}{mark} {s.prose(25)}</p>'
        notes += t(f"{i} {s.prose(22)}")
    rest = fill(text + s.paragraphs(600))
    return page(rest + f'<div style="border-top:1px solid;font-size:0.75em;padding-top:6px">{notes}</div>', s.css)


def margin_notes(s: Setter) -> str:
    parts = ""
    for _ in range(7):
        note = t(s.words(3, 7), "position:absolute;left:-150px;width:128px;font-size:0.72em;text-align:left;top:2px")
        parts += f'<div style="position:relative;margin-bottom:0.6em">{t(s.prose(75), "", "p")}{note}</div>'
    return page(f'<div style="margin-left:130px">{parts}</div>', s.css + "p{margin:0}", "50px 60px")


def drop_caps(s: Setter) -> str:
    parts = ""
    for _ in range(6):
        text = s.prose(85, hyphens=False)
        parts += t(f'<span class="cap">{text[0]}</span>{text[1:]}', "margin:0 0 0.7em", "p")
    return page(head(s, 2.2) + fill(parts), s.css, "70px 90px")


def table(ruled: bool) -> Build:
    def build(s: Setter) -> str:
        css = "padding:3px 9px;" + ("border:1px solid #222;" if ruled else "")
        rows = table_row((s.words(1, 1) for _ in range(4)), css + "font-weight:bold", "right")
        for _ in range(int(s.rng.integers(11, 19))):
            numbers = (str(round(float(10 ** s.rng.uniform(0, 4)), int(s.rng.integers(0, 3)))) for _ in range(3))
            rows += table_row((s.words(1, 2), *numbers), css, "right")
        grid = f'<table style="border-collapse:collapse;margin:16px 0;width:85%">{rows}</table>'
        return page(head(s) + s.paragraphs(70) + grid + s.paragraphs(110), s.css)

    return build


def form(s: Setter) -> str:
    """Labels and entries in boxes, on dotted rules and beside boxes to tick."""
    entries = (s.name, s.date, s.code, lambda: s.words(1, 3))
    parts = head(s)
    for _ in range(9):
        fields = ""
        for _ in range(int(s.rng.integers(1, 4))):
            value = html.escape(entries[int(s.rng.integers(4))]())
            entry = t(value, f"font-family:'{s.typewriter}';white-space:nowrap;overflow:hidden")
            label = t(s.words(1, 2), "font-size:0.62em;line-height:1.3")
            fields += box(label + entry, "flex:1;border:1px solid #222;padding:3px 6px;min-width:0")
        parts += box(fields, "display:flex;margin-top:-1px")
    for _ in range(4):
        dotted = t(s.name(), "border-bottom:1px dotted;flex:1;padding-left:8px")
        parts += row(t(s.words(1, 3)), dotted, css="margin:10px 0;gap:6px")
    for _ in range(4):
        tick = box("", "width:11px;height:11px;border:1px solid")
        parts += box(tick + t(s.words(2, 5)), "display:flex;gap:8px;align-items:center;margin:4px 0")
    return page(parts, s.css.replace("justify", "left"))


def figures(s: Setter) -> str:
    """Prose around pictures that stand beside and between it, with captions."""
    wide = s.figure(660, 230, "margin:10px 0 4px")
    caption = t(
        f"Fig. {s.rng.integers(1, 40)}. {s.words(4, 9)}.", "font-size:0.8em;text-align:center;margin-bottom:8px"
    )
    beside = s.figure(210, 260, "float:right;margin:0 0 8px 16px")
    return page(s.paragraphs(110) + wide + caption + fill(beside + s.paragraphs(500)), s.css)


def figure_alone(s: Setter) -> str:
    return page(s.figure(620, 800, "margin:auto", ("photo", "dither", "gradient", "plot")[s.number % 4]), "")


def facing_page(s: Setter) -> str:
    """A page with the cut edge of the facing one, whose text does not count."""
    other = "".join(box(s.prose(9, hyphens=False)) for _ in range(60))
    edge = box(other, "position:absolute;left:-330px;width:360px;top:60px;white-space:nowrap;overflow:hidden")
    fold = box(
        "", "position:absolute;left:36px;top:0;width:14px;height:100%;background:linear-gradient(90deg,#999,#fff)"
    )
    number = t(str(s.number + 7), "text-align:center")
    return page(edge + fold + fill(s.paragraphs(800)) + number, s.css, "60px 50px 60px 90px")


def stamped(s: Setter) -> str:
    """Prose with a stamp over it, which is no part of the text."""
    angle, colour = int(s.rng.integers(-30, 30)), ("#b33", "#335b9b")[s.number % 2]
    css = f"position:absolute;left:280px;top:380px;transform:rotate({angle}deg);border:5px solid {colour};"
    css += f"color:{colour};font:bold 44px Lato;padding:14px 24px;border-radius:10px;opacity:0.55"
    return page(head(s) + fill(s.paragraphs(800)) + box(f"{s.words(1, 1).upper()} {s.number}", css), s.css)


def inverse(s: Setter) -> str:
    dark = ("#10131c", "#400", "#033")[s.number % 3]
    return page(head(s) + fill(s.paragraphs(600)), s.css + f"color:#f2f2ee;background:{dark};")


def bands(s: Setter) -> str:
    """Dark on light and light on dark in turns."""
    parts = ""
    for i in range(6):
        colours = ("color:#fff;background:#222", "color:#111;background:#fff", "color:#fff;background:#2b4d7a")[i % 3]
        parts += box(head(s, 1.3) + s.paragraphs(60, "margin:0"), f"padding:16px 60px;{colours}")
    return page(parts, s.css, "0")


def one_word(s: Setter) -> str:
    x, y = s.rng.uniform(0.1, 0.6), s.rng.uniform(0.1, 0.8)
    place = f"position:absolute;left:{100 * x:.0f}%;top:{100 * y:.0f}%;font-size:{(16, 40)[s.number % 2]}px"
    return page(t(max((s.word() for _ in range(5)), key=len), place), s.css)


def blank(s: Setter) -> str:
    return page("", "")


def marked(s: Setter) -> str:
    """Words underlined, struck out, or marked with colour."""
    styles = ("text-decoration:underline", "text-decoration:line-through", "background:#fe6", "border-bottom:2px solid")
    parts = ""
    for _ in range(7):
        words = [s.prose(9, hyphens=False) for _ in range(7)]
        for i in range(0, len(words), 2):
            words[i] = f'<span style="{styles[int(s.rng.integers(4))]}">{words[i]}</span>'
        parts += f'<p data-t style="margin:0 0 0.7em">{" ".join(words)}</p>'
    return page(fill(parts), s.css)


def pale(s: Setter) -> str:
    """Coloured text of low contrast on coloured paper."""
    parts = ""
    for ink, paper in (("#9a9a9a", "#fff"), ("#c77", "#fde8e0"), ("#6a93b8", "#dce8f2"), ("#b59a2c", "#fff6cf")):
        css = f"padding:20px 60px;flex:1;color:{ink};background:{paper}"
        parts += box(head(s, 1.4) + s.paragraphs(60, "margin:0"), css)
    return page(parts, s.css, "0")


def big_and_small(s: Setter) -> str:
    """Huge headlines beside small print."""
    big = t(s.words(2, 3), "font-size:92px;line-height:1", kind="bold")
    middle = box(t(s.words(3, 4), "font-size:58px;line-height:1.05;text-align:left"), "flex:1.6")
    side = box(s.paragraphs(140, "margin:0", 20, 50), "flex:1;font-size:9.5px;line-height:1.3")
    rest = fill(s.paragraphs(900), "font-size:10px;columns:3")
    return page(big + box(middle + side, "display:flex;gap:20px;margin:24px 0") + rest, s.css, "40px 50px")


def newspaper(s: Setter) -> str:
    """A name across, a line of data, articles in five or six narrow columns with rules between."""
    name = t(s.words(2, 2), "font:bold 74px/1 'Old Standard TT';text-align:center;padding-bottom:8px")
    data = (t(value) for value in (s.date(), s.words(2, 3), f"No. {s.rng.integers(100, 9999)}"))
    line = row(*data, css="border-top:3px double;border-bottom:1px solid;font-size:11px;margin-bottom:8px")
    title = "font-size:17px;line-height:1.1;font-weight:bold;text-align:center;margin:9px 0 5px"
    articles = ""
    for _ in range(16):
        words = int(s.rng.integers(120, 330))
        articles += t(s.words(3, 6), title) + s.paragraphs(words, "margin:0;text-indent:1em", 25, 60)
    css = f"columns:{5 + s.number % 2};column-gap:15px;column-rule:1px solid #222;font-size:10.5px;line-height:1.16;"
    return page(name + line + fill(articles, css + "text-align:justify"), s.css, "30px 36px")


def magazine(s: Setter) -> str:
    """A picture with a title in it, a lead, three columns around a quotation."""
    css = "position:absolute;left:40px;top:210px;font-size:52px;line-height:1.05;color:#fff;text-shadow:0 0 12px #000"
    title = t(s.words(2, 4), css, kind="bold")
    lead = t(s.prose(28, hyphens=False), "font-size:1.35em;line-height:1.3;margin:18px 0;text-align:left")
    css = "font-size:1.7em;line-height:1.2;font-style:italic;text-align:center;padding:8px 0;margin:10px 0;"
    quote = t(f"“{s.words(6, 10)}”", css + "border:solid #a33;border-width:2px 0")
    body = fill(
        s.paragraphs(160) + quote + s.paragraphs(700), f"columns:3;column-gap:20px;font-size:{s.size - 2:.1f}px"
    )
    return page(s.figure(794, 330, "margin:-40px 0 0 -50px", "photo") + title + lead + body, s.css, "40px 50px")


def report(s: Setter) -> str:
    """Numbered headings, a list, a small table, header and footer."""
    spaced, title = "margin:0 0 0.6em", "font-size:1.35em;margin:14px 0 6px"
    parts = row(t(s.words(2, 4)), t(s.date()), css="font-size:0.75em;border-bottom:1px solid")
    parts += t(f"1.{s.number + 1} {s.words(2, 5)}", title, kind="bold") + s.paragraphs(120, spaced)
    for _ in range(4):
        parts += row(t("•"), t(s.words(5, 9) + ".", "flex:1"), css="gap:10px;margin:3px 0 3px 24px")
    parts += t(f"1.{s.number + 2} {s.words(2, 5)}", title, kind="bold") + s.paragraphs(100, spaced)
    rows = "".join(table_row((s.words(1, 2), s.price(), s.date()), "padding:2px 14px 2px 0") for _ in range(5))
    foot = t(f"{s.number + 3} / 24", "text-align:right;font-size:0.75em;border-top:1px solid")
    return page(
        f"{parts}<table>{rows}</table>{fill(s.paragraphs(300, spaced))}{foot}", s.css.replace("justify", "left")
    )


def letter(s: Setter) -> str:
    """Two addresses, the date, the matter, a text, and a name; every other one typewritten."""

    def address() -> str:
        town = f"{s.rng.integers(10000, 99999)} {s.words(1, 1)}"
        return t(s.name()) + t(f"{s.words(1, 1)} {s.rng.integers(1, 99)}") + t(town)

    body = box(address(), "margin:26px 0 0 auto;width:200px") + box(address(), "margin:24px 0")
    body += t(s.date(), "text-align:right") + t(s.words(3, 6), "margin:22px 0", kind="bold")
    body += t(s.words(2, 3) + ",", "margin-bottom:12px") + s.paragraphs(170, "margin:0 0 0.9em", 35, 70)
    body += t(s.words(2, 3) + ",", "margin:16px 0 50px") + t(s.name())
    face = f"font-family:'{s.typewriter}'" if s.number % 2 else ""
    return page(body, s.css.replace("justify", "left") + face, "70px 90px")


def invoice(s: Setter) -> str:
    """A firm and facts beside each other, a table of goods, sums, and a line of small print."""

    def money(digits: int) -> str:
        return f"{10 ** s.rng.uniform(0, digits):.2f}"

    firm = t(s.words(2, 2), "font-size:1.6em", kind="bold") + t(s.words(1, 2)) + t(f"www.{s.words(1, 1).lower()}.com")
    facts = "".join(t(f"{s.words(1, 1)}: {v}") for v in (s.date(), s.code(), s.rng.integers(1000, 9999)))
    top = box(box(firm) + box(facts, "text-align:right"), "display:flex;justify-content:space-between")
    rows = table_row((s.words(1, 1) for _ in range(4)), "padding:6px 8px;background:#2b3d55;color:#fff", "right")
    for _ in range(11):
        values = s.words(2, 4), str(s.rng.integers(1, 40)), money(3), money(4)
        rows += table_row(values, "padding:5px 8px;border-bottom:1px solid #bbb", "right")
    grid = f'<table style="border-collapse:collapse;width:100%;margin:30px 0">{rows}</table>'
    sums = box("".join(row(t(s.words(1, 1)), t(s.price())) for _ in range(3)), "width:240px;margin-left:auto")
    small = t(s.prose(25, hyphens=False), "margin-top:40px;font-size:0.8em")
    return page(top + grid + sums + small, s.css.replace("justify", "left"))


def receipt(s: Setter) -> str:
    """A shop, goods with their prices, a sum."""

    def entry(label: str) -> str:
        return row(t(label), t(f"{10 ** s.rng.uniform(0, 2):.2f}"))

    rule = box("", "border-top:1px dashed;margin:6px 0")
    shop = (s.words(2, 3).upper(), s.words(2, 2), s.date(), html.escape(s.code()))
    body = "".join(t(value, "text-align:center") for value in shop) + rule
    body += "".join(entry(f"{s.rng.integers(1, 5)} x {s.words(1, 2)}") for _ in range(12))
    body += rule + row(t(s.words(1, 1).upper()), t(s.price())) + entry(s.words(1, 1)) + entry(s.words(1, 1))
    body += t(s.words(3, 5), "text-align:center;margin-top:10px")
    return page(body, f"font:13px/1.35 '{s.typewriter}';", "22px 18px")


def screen_web(s: Setter) -> str:
    """A bar of links, a column of links, a text around a picture, a button."""
    menu = (t(s.words(1, 1), "color:#fff") for _ in range(5))
    bar = row(*menu, css="justify-content:start;gap:28px;background:#1f3552;padding:12px 24px")
    side = "".join(t(s.words(1, 3), "color:#0645ad;margin:6px 0;font-size:13px") for _ in range(10))
    main = s.figure(200, 140, "float:right;margin:6px 0 6px 16px", "photo") + t(s.words(2, 5), "font-size:28px")
    main += s.paragraphs(150, "margin:8px 0;font-size:14px", 30, 60)
    main += t(s.words(1, 2), "display:inline-block;background:#2a7;color:#fff;padding:6px 16px;font-size:14px")
    body = box(box(side, "width:170px") + box(main, "flex:1"), "display:flex;gap:30px;padding:20px 24px")
    return page(bar + body, f"font-family:'{s.face}';line-height:1.45;", "0")


def screen_dialog(s: Setter) -> str:
    """A window with a title, a sentence, fields with their labels, and buttons."""
    inner = t(s.sentence())
    for _ in range(4):
        value = t(s.words(1, 2), "border:1px solid #999;background:#fff;flex:1;padding:2px 6px")
        inner += row(t(s.words(1, 2) + ":", "width:110px"), value, css="gap:10px;margin:8px 0;align-items:center")
    css = "border:1px solid #888;background:#e6e6e6;padding:3px 20px"
    inner += row(*(t(s.words(1, 1), css) for _ in range(3)), css="gap:8px;justify-content:flex-end;margin-top:12px")
    title = t(s.words(2, 3), "background:#3b6ea5;color:#fff;padding:5px 10px")
    css = "width:430px;margin:auto;background:#f4f4f4;border:1px solid #555;font-size:13px"
    return page(box(title + box(inner, "padding:14px"), css), f"background:#5a8f8f;font-family:'{s.face}';", "0")


def screen_code(s: Setter) -> str:
    """An editor with light letters on dark, numbered and indented lines."""
    forms = (
        "def {a}({b}, {c}):",
        "    return {a}({b}) + {c}",
        "    if {a} == {b}:",
        "        {a} = {b}[{c}]",
        "# {a} {b}",
    )
    colours, rows = ("#c586c0", "#dcdcaa", "#9cdcfe", "#ce9178"), ""
    for i in range(1, 26):
        text = forms[int(s.rng.integers(5))].format(a=s.word(), b=s.word(), c=s.word())
        indent, colour = 0.6 * (len(text) - len(text.lstrip())), colours[int(s.rng.integers(4))]
        code = t(html.escape(text.strip()), f"flex:1;padding-left:{indent}em;color:{colour}")
        rows += row(t(f"{i}", "color:#858585;width:22px;text-align:right"), code, css="gap:18px")
    return page(rows, f"background:#1e1e1e;font:14px/1.4 '{s.typewriter}';", "12px 10px")
