"""What people photograph off screens and print from them: addresses, file names, code, dialogs."""

import numpy as np

from scriba.datasets.figures import cells, number
from scriba.datasets.prose import draw_language, sentence, word
from scriba.datasets.synthetic import chance, pick

ENDINGS = "com org net io eu co.uk de fr cz pl hu ro tr se dk no is lt lv sk it es nl info gov edu"
SUFFIXES = "pdf txt png jpg jpeg tiff docx xlsx csv json py html xml zip tar.gz md log bak mp4 js cpp h yaml"
KEYS = ("Ctrl+C", "Ctrl+Shift+S", "Alt+F4", "⌘Q", "F5", "Esc", "Enter", "Tab", "Shift+Tab")
MARKS = ("[x]", "[ ]", "(•)", "( )", "☐", "■", "□", "●", "○", "▪", "✓", "•", "–", "→", "»", "›", "▸", "…", "×", "*")


def name(rng: np.random.Generator) -> str:
    """Return an identifier in one of the usual spellings."""
    words = [w for w in (_ascii(word(rng, "en")) for _ in range(int(rng.integers(1, 4)))) if w] or ["x"]
    joined = pick(rng, ("_".join(words), "-".join(words), "".join(words), ".".join(words)))
    camel = words[0] + "".join(w.title() for w in words[1:])
    made = pick(rng, (joined, joined, camel, camel[:1].upper() + camel[1:], "_".join(words).upper()))
    return made + (str(rng.integers(0, 100)) if chance(rng, 0.2) else "")


def _ascii(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isalnum())


def address(rng: np.random.Generator) -> str:
    """Return an e-mail or web address, or an address on the network."""
    host = f"{name(rng).lower().replace('_', '-')}.{pick(rng, ENDINGS.split())}"
    page = "/".join(name(rng) for _ in range(int(rng.integers(0, 4))))
    query = f"?{name(rng)}={rng.integers(1000)}&{name(rng)}={name(rng)}" if chance(rng, 0.25) else ""
    numbers = ".".join(str(rng.integers(256)) for _ in range(4))
    web = f"{pick(rng, ('https://', 'http://', 'https://www.', 'www.', ''))}{host}/{page}{query}"
    mail = f"{name(rng).lower()}@{host}"
    forms = (mail, mail, f"<{mail}>", f"mailto:{mail}", web, web, web, f"{web}#{name(rng)}", f"@{name(rng)}")
    return pick(
        rng,
        (*forms, f"{numbers}:{rng.integers(80, 65536)}", f"#{name(rng)}", f"//{host}/", f"{host}:{rng.integers(9000)}"),
    )


def file_name(rng: np.random.Generator) -> str:
    """Return the name or path of a file."""
    leaf = f"{name(rng)}.{pick(rng, SUFFIXES.split())}"
    folders = [name(rng) for _ in range(int(rng.integers(0, 4)))]
    unix = "/".join([pick(rng, ("", "~", ".", "..", "/usr", "/home")), *folders, leaf])
    windows = "\\".join([pick(rng, ("C:", "D:", "", "..")), *folders, leaf])
    return pick(rng, (leaf, leaf, unix, windows, f"{leaf} ({rng.integers(1, 10)})", f"*.{pick(rng, SUFFIXES.split())}"))


def code(rng: np.random.Generator) -> str:
    """Return a line of a program, of markup or of a command line."""
    a, b, c = name(rng), name(rng), name(rng)
    n, m = int(rng.integers(0, 300)), f"{rng.uniform(0, 2):.{int(rng.integers(1, 5))}f}"
    text = " ".join(word(rng, "en") for _ in range(int(rng.integers(1, 5))))
    forms = (
        f"def {a}({b}, {c}={n}):",
        f"    return {a}[{n}] + {b}({c})",
        f"for (int i = 0; i < {n}; i++) {{",
        f"if ({a} == {n} && !{b}) {{",
        f'{a} = {{"{b}": {n}, "{c}": [{m}, {n}]}}',
        f"import {a}.{b} as {c}",
        f"// {text}",
        f"# {text}",
        f"/* {text} */",
        f"<a href=\"{a}.html\" id='{b}'>{text}</a>",
        f"</{a}>",
        f"$ {a} --{b}={n} -{c[:1]} | grep '{text}' > {a}.log",
        f"{a}->{b}({c}, &{a}[{n}]);",
        f'print(f"{text}: {{{a}}}")',
        f"SELECT {a}, {b} FROM {c} WHERE {a} >= {n};",
        f"{a}: {b} # {text}",
        f"\\begin{{{a}}} \\{b}{{{c}}} $x^{n % 10}_{{i}}$",
        f"let {a} = {b} ?? {c} ? {n} : {m};",
        f"{a}[{n}:{n + 7}] ** 2 // {n + 1} % {n % 9 + 1}",
        f"}} else if ({a} != null) {{",
        f"{a} |= {b} << {n % 8} ^ ~{c}",
        f"fn {a}<T>(&self, {b}: &str) -> Result<{c}> {{",
        "});",
        "}",
        f"@{a}",
        f"0x{n:04x}{n * 7:04X}",
        f"{a} += {m}e-{n % 9}",
        f'git commit -m "{text}"',
        f"[{a}]",
        f"{a}={b};{c}={n}",
        f"#include <{a}.h>",
        f"{a}::{b}()",
        f"{n:02d}:{n % 60:02d}:{n % 31:02d} ERROR [{a}] {text}: {file_name(rng)}:{n}",
    )
    return pick(rng, forms)


def dialog(rng: np.random.Generator, language: str | None = None) -> str:
    """Return words of menus, buttons, check boxes, notices and web pages."""
    language = language or draw_language(rng)

    def words(count: int) -> str:
        return " ".join(word(rng, language) for _ in range(int(rng.integers(1, count + 1)))).capitalize()

    forms = (
        " ".join(words(1) for _ in range(int(rng.integers(2, 7)))),
        f"{words(2)} > {words(2)} > {words(2)}",
        f"{pick(rng, MARKS)} {words(4)}",
        f"{words(3)}…",
        f"{words(3)}...",
        f"{words(2)}: {number(rng)}",
        f"{words(3)} {pick(rng, KEYS)}",
        f"{words(4)}?",
        f'"{file_name(rng)}" {words(3).lower()}.',
        f"{words(2)} ({rng.integers(100)})",
        f"{words(2)} | {words(2)} | {words(2)}",
        f"© {rng.integers(1995, 2030)} {words(2)}™ · {words(2)}®",
        f"{rng.integers(101)} % {words(1)}",
        f"[{words(1)}] [{words(1)}]",
        f"{words(2)} ▾",
        f"« {words(1)} {rng.integers(1, 9)} {rng.integers(1, 9)} … {words(1)} »",
        f"{words(1)}: {address(rng)}",
        f"{words(2)}: ____________",
        f"{words(2)} * {words(2)} *",
        f"{rng.integers(1, 60)} min · {words(3)}",
    )
    return pick(rng, forms)


def short(rng: np.random.Generator) -> str:
    """Return very little: a character or two, a page number, a mark."""
    signs = ".,:;-–—?!…•*†§©'\"“”’()[]/|\\=+_~^°%&#@$€£0123456789"
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    count = str(rng.integers(1, 1000))
    two = pick(rng, signs + letters) + pick(rng, signs + letters)
    forms = (pick(rng, signs), pick(rng, letters), two, "...", count, f"- {count} -", f"({count})", f"{count}.")
    return pick(rng, (*forms, f"[{count}]", f"{pick(rng, letters)})", "* * *"))


def signed(rng: np.random.Generator) -> str:
    """Return words with the signs of contracts, trade and notes among them."""
    signs = "© ® ™ § §§ ¶ † ‡ … ° µ ± × ÷ ≤ ≥ ≠ ½ ¼ ¾ ² ³ • → € £ ¥ ¢ $ @ # _ ~ ^ | \\ { } [ ] < > № ‰ ¹ · « »"
    pieces = []
    for piece in sentence(rng).split():
        way = rng.random()
        sign = pick(rng, signs.split())
        pieces += (
            [piece + sign] if way < 0.15 else [sign + piece] if way < 0.3 else [sign, piece] if way < 0.5 else [piece]
        )
    return " ".join(pieces)


def row_of_text(rng: np.random.Generator, language: str | None = None) -> str:
    """Return a row of a table that begins with words."""
    language = language or draw_language(rng)
    title = " ".join(word(rng, language) for _ in range(int(rng.integers(1, 4)))).capitalize()
    return f"{title} {cells(rng)}"
