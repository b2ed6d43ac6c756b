"""Files: written whole or not at all, read with one sentence where they are damaged; bundles and pictures."""

from scriba.core.files.bundle import (
    REMEDY,
    Bundle,
    check_weights,
    load_bundle,
    load_weights,
    resolve_model,
    save_bundle,
)
from scriba.core.files.disk import (
    opened_tensors,
    parse_json,
    read_json,
    read_metadata,
    read_tensors,
    replacing,
    write_json,
    write_text,
)
from scriba.core.files.given import Picture, given
from scriba.core.files.opening import MAX_TEXT, check_writable, opened, read_bytes, read_text, reading, writing
from scriba.core.files.pictures import Note, converted, open_pages, open_picture, page_name, picture_size
