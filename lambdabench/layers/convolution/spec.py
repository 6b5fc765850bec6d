"""Options, parameters and operations of the 3x3 convolution, without a framework."""

OPTIONS: dict[str, int | str] = {}


def parameters(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1) -> int:
    """3 x 3 taps, no bias."""
    return 9 * dim * dim_out


def macs(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1) -> int:
    """One image, taps on the padding included."""
    return 9 * dim * dim_out * _positions(size, stride)


def activation_bytes(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, itemsize: int = 4) -> int:
    """One image, one forward: the output."""
    return itemsize * dim_out * _positions(size, stride)


def interaction_elements(dim: int, dim_out: int, *, size: tuple[int, int], batch_size: int = 1) -> int:
    """0: the taps do not depend on the image."""
    return 0


def _positions(size: tuple[int, int], stride: int) -> int:
    return -(-size[0] // stride) * -(-size[1] // stride)
