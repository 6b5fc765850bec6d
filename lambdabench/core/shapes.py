"""What one image is: channels, height and width. A case has the larger side as image_px; the rest stands in one of its options, where it
is not three channels and square."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import LambdabenchError, RequestError, SuiteError
from .spec import LARGEST, Case, Options, Value, options_from

OPTION = "input"
"""Of a case: "1x96x160", channels, height and width. Absent for images of three channels that are square."""
CHANNELS = 3
CHANNELS_OPTION = "in_chans"
"""timm's own name for a network's channels; the images follow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Of one image; sides in pixels."""

    channels: int = CHANNELS
    height: int
    width: int

    @property
    def px(self) -> int:
        """The larger side."""
        return max(self.height, self.width)

    def told(self) -> str:
        """ "1x96x160"."""
        return f"{self.channels}x{self.height}x{self.width}"

    def flag(self) -> str:
        """How the command line asks for it."""
        return f"--input {self.told()}" if self.options() else f"--image-px {self.height}"

    def options(self) -> dict[str, Value]:
        """As a case has them beside its image_px."""
        return {} if self.channels == CHANNELS and self.height == self.width else {OPTION: self.told()}


def parse(text: str, *, what: str = OPTION) -> Shape:
    """The shape of "1x96x160", or of "96x160" with three channels. Raises RequestError for anything else."""
    match = re.fullmatch(r"(?:(\d{1,7})x)?(\d{1,7})x(\d{1,7})", text)
    numbers = [int(group) for group in match.groups(default=str(CHANNELS))] if match else []
    if not numbers or not all(1 <= number <= LARGEST for number in numbers):
        raise RequestError(
            f"{what}: found {text!r}, expected channels x height x width like 1x96x160, or height x width like 96x160; "
            "for anything that is no image, put inputs(batch_size) beside the callable"
        )
    return Shape(channels=numbers[0], height=numbers[1], width=numbers[2])


def shape_of(image_px: int, options: Options | Mapping[str, Value]) -> Shape:
    """Of a case's images. Raises RequestError for an option that is no shape."""
    known = dict(options)
    if OPTION in known:
        return parse(str(known[OPTION]))
    return Shape(channels=int(known.get(CHANNELS_OPTION, CHANNELS)), height=image_px, width=image_px)


def settled(case: Case, size: int | str | None) -> Case:
    """The case with images of a size as suites and flags write it: pixels a side, "96x160" or "1x96x160", None for its own.

    A shape among the options is put as it stands there, so that one shape is one case. Raises SuiteError.
    """
    options = dict(case.options)
    given = size if isinstance(size, str) else options.get(OPTION)
    if given is None:
        return dataclasses.replace(case, image_px=size if isinstance(size, int) else None)
    if case.kind != "model":
        raise SuiteError(
            f"{case.model}: found input {given}, which is of a network; the map of a {case.kind} that is not square is options.size"
        )
    try:
        shape = parse(str(given))
    except LambdabenchError as error:
        raise SuiteError(f"{case.model}: {error}") from error
    if options.get(CHANNELS_OPTION, shape.channels) != shape.channels:
        raise SuiteError(
            f"{case.model}: found {CHANNELS_OPTION} = {options[CHANNELS_OPTION]} and an input of {shape.told()}; leave one out"
        )
    kept = {key: value for key, value in options.items() if key != OPTION}
    return dataclasses.replace(case, image_px=shape.px, options=options_from(kept | shape.options()))
