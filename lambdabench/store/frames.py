"""Tables of rows as frames of pandas."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .file_rows import encoded, width_of


def frame_of(table: pa.Table, *, coded: bool = False) -> pd.DataFrame:
    """What `to_pandas` makes of a table, its texts as texts; `coded`: as categories, whose places are not looked at one by one."""
    texts = [name for name in table.column_names if pa.types.is_dictionary(table.schema.field(name).type)]
    if not coded:
        result = [_plain(table[name]) if name in texts else table[name] for name in table.column_names]
        return pa.table(result, names=table.column_names).to_pandas(split_blocks=True)
    rest = [name for name in table.column_names if name not in texts]
    columns: dict[str, Any] = dict(table.select(rest).to_pandas(split_blocks=True).items())
    columns |= {name: _categories(table[name]) for name in texts}
    return pd.DataFrame({name: columns[name] for name in table.column_names}, copy=False)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Texts one by one; more than 2 GiB of them too."""
    whole = encoded(column)
    return whole.dictionary.cast(pa.large_string()).take(whole.indices)


def _categories(column: pa.ChunkedArray) -> pd.Categorical:
    whole = encoded(column)
    codes = np.array(whole.indices.fill_null(-1), width_of(len(whole.dictionary)))  # its own, that may be written to
    kind = pd.CategoricalDtype(whole.dictionary.to_pandas())
    return pd.Categorical.from_codes(codes, dtype=kind, validate=False)
