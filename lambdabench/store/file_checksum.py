"""A checksum of a whole Parquet file, where readers pass over it: between the last page and the footer.

Page checksums cover the pages alone; a bit of a page's header or of the footer reads as another encoding, or as another column.
"""

import zlib

MARK = b"lbench01"
DIGITS = 4
"""Bytes of a CRC-32, which tells every change of one bit, and of any that lie within 32."""
TAIL = 8
"""Bytes behind the footer: its length, and PAR1."""


def sealed(content: bytes) -> bytes:
    """The file with the checksums of what lies before and behind them."""
    place = _place(content)
    return b"".join((content[:place], MARK, _sum(content[:place]), _sum(content[place:]), content[place:]))


def seal_of(content: memoryview, *, whole: bool = True) -> bool | None:
    """Whether a file is as it was sealed; without `whole` only its footer is looked at. None of one that never was."""
    content = content.cast("B")
    place = _place(content)
    start = place - len(MARK) - 2 * DIGITS
    if start < 0 or content[start : start + len(MARK)] != MARK:
        return None
    if content[place - DIGITS : place] != _sum(content[place:]):
        return False
    return not whole or content[place - 2 * DIGITS : place - DIGITS] == _sum(content[:start])


def _place(content: bytes | memoryview) -> int:
    """Where the footer begins."""
    return len(content) - TAIL - int.from_bytes(content[-TAIL : 4 - TAIL], "little")


def _sum(part: bytes | memoryview) -> bytes:
    return zlib.crc32(part).to_bytes(DIGITS, "little")
