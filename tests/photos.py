"""Files with pictures in them, good and hostile, made by Pillow as a test asks."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

from app.services import gallery


def drawn(width: int = 1200, height: int = 900, mode: str = "RGB") -> Image.Image:
    """Something with light and dark in it."""
    return Image.radial_gradient("L").resize((width, height)).convert(mode)


def as_file(image: Image.Image, format: str = "JPEG", **how: Any) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, format, **how)
    file.seek(0)
    return file


def a_photo(seed: int = 0) -> io.BytesIO:
    """A JPEG; another seed, another picture."""
    return as_file(drawn().rotate(seed))


def noise(width: int, height: int) -> Image.Image:
    """What no format can make small."""
    return Image.merge("RGB", [Image.effect_noise((width, height), 120) for _ in range(3)])


def png_claiming(width: int, height: int, rows: int = 0) -> bytes:
    """A PNG of that size whose pixels, all black, take next to no bytes: a bomb when the size is large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(1 + width * 3)) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def upload(fields: dict[str, str], content: bytes) -> tuple[bytes, dict[str, str]]:
    """The body and the header of a form with a file, as browsers send it."""
    named = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts = [*named, ('name="file"; filename="../../photo.jpg"\r\nContent-Type: image/jpeg', content)]
    body = b"".join(b"--XX\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), value) for head, value in parts)
    return body + b"--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"}


def a_picture(product_id: int, alt: str = "A brown bag of beans", *, seed: int = 0) -> int:
    """A picture of a product, prepared as the shop does."""
    gallery.add(product_id, a_photo(seed), alt, actor="test")
    return gallery.of(product_id)[-1].id
