"""Pictures: whatever somebody sends, read with care and written anew as the small files that the shop shows.

Nothing of what was sent is kept: no byte of the file, no place or camera in it. Here is no database.
"""

import io
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFilter,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from app.services.errors import ShopError

MOST_BYTES = 10_000_000
MOST_PIXELS = 40_000_000  # decoded: four bytes each, once or twice over
SMALLEST = (400, 300)
CARD, PAGE = 400, 960  # widths; all are cut to four by three
BUDGETS = {CARD: 14_000, PAGE: 45_000}  # bytes of one file, in every format
AT_ONCE = 1  # pictures in preparation in one process: the largest takes 350 MB and seconds of work
PATIENCE_SECONDS = 3.0  # a thread of the server waits so long

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
# The formats that are read. Pillow knows dozens more, and few of those were ever attacked as hard as these.
PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin, AvifImagePlugin, GifImagePlugin)
READ = ("JPEG", "PNG", "WEBP", "AVIF", "GIF")
# What their decoders raise at files that are broken, or were made to break them.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)
ORIENTATION = 0x0112  # Source: Exif 2.32, 4.6.4 A
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ON_ITS_SIDE = {5, 6, 7, 8}


class BadPicture(ShopError):
    """This file cannot become a picture of the shop; the sentence says why."""


class PictureTooLarge(ShopError):
    message = "The file is larger than 10 MB. Make the picture smaller, or save it as a JPEG, and send it again."
    status = 413


class PicturesBusy(ShopError):
    message = "Another picture is being prepared just now. Wait a few seconds, then send yours again."
    status = 503
    retry_seconds = 5


@dataclass(frozen=True)
class Rendition:
    """One file as it is sent."""

    format: str  # avif, webp or jpg
    width: int
    height: int
    content: bytes


Save = Callable[[Image.Image, int], bytes]


def _avif(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "AVIF", quality=quality, speed=6, max_threads=1)


def _webp(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "WEBP", quality=quality, method=4)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    return _saved(image, "JPEG", quality=quality, optimize=True, progressive=True)


def _saved(image: Image.Image, format: str, **how: int | bool) -> bytes:
    file = io.BytesIO()
    image.save(file, format, exif=b"", icc_profile=None, **how)
    return file.getvalue()


# Each format's qualities, the best first: the first whose file is light enough is taken.
FORMATS: dict[str, tuple[Save, tuple[int, ...]]] = {
    "avif": (_avif, (62, 50, 36, 20)),
    "webp": (_webp, (80, 66, 48, 28)),
    "jpg": (_jpeg, (82, 72, 58, 40, 24)),
}

_turns = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def turn() -> Iterator[None]:
    """Wait a little for the turn to prepare a picture, so that shoppers keep processor and memory. Raises PicturesBusy."""
    if not _turns.acquire(timeout=PATIENCE_SECONDS):
        raise PicturesBusy
    try:
        yield
    finally:
        _turns.release()


def prepare(file: BinaryIO) -> list[Rendition]:
    """The picture in every format and size of the shop, cut to four by three around its middle, the first frame of many.

    Takes seconds, most of them outside Python's lock; no transaction may be open. Raises BadPicture, PicturesBusy.
    """
    with turn():
        large = read(file)
        small = large.resize((CARD, CARD * 3 // 4), Image.Resampling.LANCZOS)
        return [
            Rendition(name, image.width, image.height, _light(image, save, qualities, BUDGETS[image.width]))
            for image in (small, large)
            for name, (save, qualities) in FORMATS.items()
        ]


def _light(image: Image.Image, save: Save, qualities: tuple[int, ...], most: int, blur: int = 2) -> bytes:
    """The picture in the best quality that fits; one that fits in none, such as noise, is softened until it does."""
    for quality in qualities:
        if len(content := save(image, quality)) <= most:
            return content
    return _light(image.filter(ImageFilter.GaussianBlur(blur)), save, qualities[-1:], most, 2 * blur)


# ------------------------------------------------------------------------------------------------ reading with care


def read(file: BinaryIO) -> Image.Image:
    """The picture upright in sRGB, PAGE pixels wide, four by three. Raises BadPicture."""
    _check_weight(file)
    try:
        with Image.open(file, formats=READ) as image:
            _check_size(image)
            return _upright(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise _too_many_pixels() from None
    except Image.UnidentifiedImageError:
        raise BadPicture("This is not a picture that can be read here. Send a JPEG, PNG, WebP, AVIF or GIF.") from None
    except UNREADABLE:
        raise BadPicture("This picture is damaged: a part of it is missing or wrong. Save it anew and send it again.") from None


def _check_weight(file: BinaryIO) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size == 0:
        raise BadPicture("The file is empty.")
    if size > MOST_BYTES:
        raise PictureTooLarge


def _check_size(image: Image.Image) -> None:
    """Judge by what the file's beginning says, before anything is decoded."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_many_pixels()
    if max(width, height) < SMALLEST[0] or min(width, height) < SMALLEST[1]:
        raise BadPicture(
            "It is %(width)s × %(height)s pixels, which would look coarse. At least 400 × 300 are needed; 960 × 720 is best.",
            width=width,
            height=height,
        )


def _too_many_pixels() -> BadPicture:
    return BadPicture("It has more than 40 million pixels. Make it smaller, 2000 pixels wide for example, and send it again.")


def _upright(image: Image.Image) -> Image.Image:
    image.draft("RGB", (2 * PAGE, 2 * PAGE))  # a JPEG is then decoded at a half or a quarter at once
    image.load()
    orientation = image.getexif().get(ORIENTATION, 1)
    size = (PAGE, PAGE * 3 // 4)
    fitted = ImageOps.fit(_fit_to_scale(image), size[::-1] if orientation in ON_ITS_SIDE else size, Image.Resampling.LANCZOS)
    if orientation in TURNED:
        fitted = fitted.transpose(TURNED[orientation])
    on_white = Image.new("RGB", size, "white")
    on_white.paste(_in_srgb(fitted, image.info.get("icc_profile")), mask=fitted.getchannel("A") if _has_alpha(fitted) else None)
    return on_white


def _has_alpha(image: Image.Image) -> bool:
    return "A" in image.getbands()


def _fit_to_scale(image: Image.Image) -> Image.Image:
    """In a mode whose pixels can be blended when it is made smaller, its transparency kept."""
    if image.mode in ("P", "PA") or ("transparency" in image.info and image.mode in ("1", "L", "RGB")):
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Greys of 16 bits as greys of eight; Pillow itself would cut them off at white."""
    return image.convert("F").point(lambda value: value * (255 / 65535)).convert("L") if image.mode[0] in "IF" else image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as every screen shows them; a profile that cannot be read is passed over."""
    plain = image.convert("RGB") if _has_alpha(image) else _eight_bits(image)
    if profile and plain.mode in ("RGB", "CMYK", "L"):
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(plain, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, *UNREADABLE):
            return plain.convert("RGB")
        return converted or plain
    return plain.convert("RGB")
