"""One metric, one module. A metric with samples leaves its value None: the worker adds median and interval. One that this machine cannot
measure says why in `lacking`.

A module describes its metric by TITLE, UNIT, BETTER ("lower", "higher", "") and TIMED, and where the usual is not meant by SHOWN (unit,
factor), COLUMN (over a table's column; "": tables have none), PLACE (of that column, the lower first), VALUES ("any", "not negative",
"positive"), AXIS and BESIDE (metrics that are asked for with it): `core.metric` reads them, and everything that shows or checks a number
reads that.
"""
