"""Pictures read with care and written anew: real files, hostile files, and how much memory and time they get."""

import contextlib
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from app.services import pictures
from app.services.pictures import BadPicture, PicturesBusy, PictureTooLarge
from tests.photos import a_photo, as_file, drawn, noise, png_claiming

ROOT = Path(__file__).parents[2]


def sentence(content: bytes | io.BytesIO) -> str:
    with pytest.raises((BadPicture, PictureTooLarge)) as caught:
        pictures.read(content if isinstance(content, io.BytesIO) else io.BytesIO(content))
    return str(caught.value)


def test_a_photo_becomes_six_light_files_of_four_by_three():
    made = pictures.prepare(as_file(drawn(3000, 1500)))

    assert [(each.format, each.width, each.height) for each in made] == [
        (name, *size) for size in ((400, 300), (960, 720)) for name in ("avif", "webp", "jpg")
    ]
    for each in made:
        with Image.open(io.BytesIO(each.content)) as image:
            image.load()
            assert image.size == (each.width, each.height)
            assert image.format == {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[each.format]
        assert len(each.content) <= pictures.BUDGETS[each.width]


def test_noise_is_softened_until_it_is_light_enough():
    made = pictures.prepare(as_file(noise(1000, 750), "PNG"))

    assert [each for each in made if len(each.content) > pictures.BUDGETS[each.width]] == []


@pytest.mark.parametrize(
    ("format", "mode", "how"),
    [
        ("JPEG", "RGB", {}),
        ("JPEG", "CMYK", {}),
        ("JPEG", "L", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "LA", {}),
        ("PNG", "P", {}),
        ("PNG", "1", {}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("AVIF", "RGB", {}),
        ("GIF", "P", {}),
    ],
)
def test_every_kind_of_picture_is_read(format, mode, how):
    shown = pictures.read(as_file(drawn(mode=mode), format, **how))

    assert (shown.mode, shown.size) == ("RGB", (960, 720))
    assert abs(shown.getpixel((480, 360))[1] - 0) < 30  # the gradient's dark middle
    assert shown.getpixel((4, 4))[1] > 200


def test_sixteen_bits_of_grey_keep_their_shades():
    grey = Image.linear_gradient("L").resize((800, 600)).convert("I").point(lambda value: value * 257).convert("I;16")

    shown = pictures.read(as_file(grey, "PNG"))

    assert [round(shown.getpixel((480, y))[0] / 16) for y in (20, 360, 700)] == [0, 8, 16]


def test_transparency_lies_on_white():
    image = Image.new("P", (800, 600), 0)
    image.putpalette([200, 0, 0] * 256)

    shown = pictures.read(as_file(image, "PNG", transparency=0))

    assert shown.getpixel((400, 300)) == (255, 255, 255)


def test_one_colour_that_is_transparent_lies_on_white_too():
    for mode, colour in (("RGB", (200, 0, 0)), ("L", 40), ("1", 0)):
        shown = pictures.read(as_file(Image.new(mode, (800, 600), colour), "PNG", transparency=colour))
        assert shown.getpixel((400, 300)) == (255, 255, 255), mode


def test_a_telephone_that_sends_two_pictures_in_one_file_is_read():
    second = drawn(480, 360)

    assert pictures.read(as_file(drawn(), "MPO", save_all=True, append_images=[second])).size == (960, 720)


def test_the_first_frame_of_many_is_taken():
    frames = [Image.new("RGB", (800, 600), colour) for colour in ("red", "blue")]

    for format in ("GIF", "WEBP", "PNG", "AVIF"):
        shown = pictures.read(as_file(frames[0], format, save_all=True, append_images=frames[1:], duration=100))
        red, _, blue = shown.getpixel((100, 100))
        assert red > 200 > 60 > blue, format


def test_a_camera_that_was_turned_shows_upright_and_its_place_is_forgotten():
    lying = Image.new("RGB", (800, 1200), "white")
    lying.paste((200, 0, 0), (0, 0, 800, 600))
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6  # to be turned a quarter clockwise: what is up goes right
    exif[0x010F] = "A secret camera"

    made = pictures.prepare(as_file(lying, exif=exif, comment=b"a secret"))

    for each in made:
        assert b"secret" not in each.content
        with Image.open(io.BytesIO(each.content)) as image:
            assert not image.getexif()
            assert "icc_profile" not in image.info
            left, right = (image.convert("RGB").getpixel((x, each.height // 2)) for x in (20, each.width - 20))
        assert left[1] > 200 > 60 > right[1]


def test_colours_of_another_space_become_those_of_screens():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

    shown = pictures.read(as_file(drawn(), icc_profile=profile))  # of another kind of colours: passed over
    broken = pictures.read(as_file(drawn(), icc_profile=b"not a profile at all" * 10))

    assert shown.tobytes() == broken.tobytes()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"only words, in a file that is named .jpg", "not a picture that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a picture that can be read"),
        (b"%PDF-1.7 " + bytes(500), "not a picture that can be read"),
        (b"BM" + bytes(500), "not a picture that can be read"),
        (as_file(drawn(), "TIFF"), "not a picture that can be read"),
        (as_file(drawn(), "BMP"), "not a picture that can be read"),
        (as_file(Image.new("RGB", (1, 1)), "PNG"), "1 × 1 pixels"),
        (a_photo().getvalue()[:9000], "damaged"),
        (as_file(drawn(), "PNG").getvalue()[:9000], "damaged"),
        (as_file(drawn(), "WEBP").getvalue()[:4000], "damaged"),
        (as_file(drawn(), "AVIF").getvalue()[:3000], "not a picture that can be read"),
        (png_claiming(20_000, 20_000), "40 million pixels"),
        (png_claiming(8000, 8000), "40 million pixels"),
        (png_claiming(2**31 - 1, 2**31 - 1), "40 million pixels"),
        (bytes(10_000_001), "larger than 10 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_file_gets_one_clear_sentence(content, says):
    assert says in sentence(content)


def test_bytes_changed_at_random_break_nothing():
    for format in ("JPEG", "PNG", "WEBP", "AVIF", "GIF"):
        whole = as_file(drawn(480, 360), format).getvalue()
        for place in range(0, len(whole), max(1, len(whole) // 20)):
            broken = bytearray(whole)
            broken[place : place + 8] = b"\xff\x00\xfe\x7f\x80\x01\xaa\x55"
            with contextlib.suppress(BadPicture):
                assert pictures.read(io.BytesIO(bytes(broken))).size == (960, 720)


def test_nothing_that_was_sent_is_served():
    polyglot = a_photo().getvalue() + b"<script>alert('polyglot')</script>PK\x03\x04"
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "<script>alert('text')</script>")

    for file in (io.BytesIO(polyglot), as_file(drawn(), "PNG", pnginfo=note)):
        assert not [each for each in pictures.prepare(file) if b"alert(" in each.content]


def test_a_bomb_costs_no_memory():
    """In a process of its own: what it took at most, above what it takes to be there."""
    code = """
import io, resource
from app.services import pictures
from tests.photos import png_claiming
bombs = [png_claiming(60_000, 60_000), png_claiming(16_000, 16_000, rows=16_000)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bomb in bombs:
    assert len(bomb) < 1_000_000
    try:
        pictures.read(io.BytesIO(bomb))
    except pictures.BadPicture:
        print("refused")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
largest = png_claiming(8000, 5000, rows=5000)
pictures.read(io.BytesIO(largest))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    refused, again, bombs, largest = done.stdout.split()
    assert (refused, again) == ("refused", "refused")
    assert int(bombs) < 30  # MB
    assert int(largest) < 400


def test_one_picture_is_prepared_at_a_time(monkeypatch):
    monkeypatch.setattr(pictures, "PATIENCE_SECONDS", 0.05)
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with pictures.turn():
            begun.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(10)
    try:
        with pytest.raises(PicturesBusy):
            pictures.prepare(a_photo())
    finally:
        done.set()
        thread.join()
    assert pictures.prepare(a_photo())
