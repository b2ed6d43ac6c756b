"""What a file is that cannot be read as a picture, told from how it begins, and the way to a picture of it."""

import re

SIZE = 4096
"""Bytes that tell it."""
PDF = r"\s*%PDF-|[^\0\x80-\xff]{,1019}%PDF-\d"
"""How a PDF begins, perhaps after some text; what has that behind other bytes is a picture of it, or with it."""
KINDS: tuple[tuple[str, str, str], ...] = (
    (r".{4}ftyp(hei|hev|mif1|msf1)", "HEIC or HEIF, as telephones take photographs", "`heif-convert x.heic x.png`"),
    (r".{4}ftyp", "a video", "`ffmpeg -i x.mp4 -frames:v 1 x.png` takes its first picture"),
    (r".{,3000}<svg[\s>]", "SVG, a drawing", "`rsvg-convert -d 300 -p 300 -o x.png x.svg`"),
    (r"%!PS|\xc5\xd0\xd3\xc6", "PostScript", "`gs -q -r300 -sDEVICE=png16m -o x-%d.png x.eps`"),
    (r"AT&TFORM", "DjVu", "`ddjvu -format=tiff x.djvu x.tif`"),
    (
        r"PK\x03\x04.{,4000}(word/|xl/|ppt/|\[Content_Types\]|mimetypeapplication)",
        "a document",
        "save it as PDF",
    ),
    (r"\xd0\xcf\x11\xe0", "a document of an older Office", "save it as PDF"),
    (r"PK\x03\x04", "a ZIP archive", "unpack it"),
    (r"8BPS", "a Photoshop file", "export it as PNG"),
    (r"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL", "`djxl x.jxl x.png`"),
    (r"\s*(<!doctype html|<html)", "a web page", "save the picture itself"),
    (r"II[*+]\0|MM\0[*+]", "a damaged TIFF, or one of a rare kind", "`magick x.tif -colorspace sRGB -depth 8 x.png`"),
)
"""How they begin, what they are, and what to do."""


def is_pdf(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a PDF."""
    return re.match(PDF, head.decode("latin-1"), re.DOTALL) is not None


def what_else(head: bytes) -> str:
    """Return the rest of a sentence that begins with the name of a file: what it is, and what to do.

    Args:
        head: Its first bytes.
    """
    text = head.decode("latin-1")
    for pattern, what, remedy in KINDS:
        if re.match(pattern, text, re.DOTALL | re.IGNORECASE):
            return f"is {what}, not a picture that can be read; {remedy}."
    return "is not a picture that can be read; save it as PNG, JPEG or TIFF."
