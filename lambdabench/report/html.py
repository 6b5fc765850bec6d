"""A page as HTML: one file beside its figures, without scripts and without anything from elsewhere."""

import jinja2
import markupsafe

from ..analysis.page import Column, Page, words
from ..core import foreign

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ page.title | plain }}</title>
<style>
:root { color-scheme: light dark; --ink: light-dark(#1c1c1c, #e6e6e6); --soft: light-dark(#666, #a0a0a0);
  --line: light-dark(#ddd, #3a3a3a); --ground: light-dark(#fff, #161616); --stripe: light-dark(#f6f6f4, #1e1e1e); }
body { margin: 2.5rem auto; max-width: 72rem; padding: 0 1.5rem; color: var(--ink); background: var(--ground);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p.source, ul.legend, ul.conditions, p.how { color: var(--soft); font-size: .9rem; }
ul { padding-left: 1.1rem; } img { max-width: 100%; background: #fff; border-radius: 4px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; width: 100%; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--line); position: sticky; top: 0; background: var(--ground); }
th, td { padding: .32rem .8rem .32rem 0; white-space: nowrap; vertical-align: top; }
td:first-child, th:first-child { padding-left: .4rem; } td:last-child { white-space: normal; }
tr:nth-child(even) td { background: var(--stripe); } td { border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .88em ui-monospace, monospace; }
</style>
</head>
<body>
<h1>{{ page.title | plain }}</h1>
{% if page.source %}<p class="source">Source: {{ page.source | plain }}.</p>
{% endif %}{% for figure in page.figures %}<p><img src="{{ figure | urlencode }}" alt="{{ figure }}"></p>
{% endfor %}{% for part in page.sections %}{% if part.title %}<h2>{{ part.title }}</h2>
{% endif %}<div class="wide"><table>
<thead><tr>{% for column in part.table.columns %}<th{{ column | kind }}>{{ column.title }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in part.table.rows %}<tr>{% for cell in row -%}
<td{{ part.table.columns[loop.index0] | kind }}>{{ cell | words | plain }}</td>
{%- endfor %}</tr>
{% endfor %}</tbody></table></div>
{% if part.legend %}<ul class="legend">{% for line in part.legend %}<li>{{ line | plain }}</li>{% endfor %}</ul>
{% endif %}{% endfor %}<h2>Conditions</h2>
<ul class="conditions">{% for line in page.conditions %}<li>{{ line | plain }}</li>
{% endfor %}</ul>
<h2>How a number was made</h2>
<p class="how">{{ page.how }}</p>
<p>Repeat: <code>{{ page.repeat | plain }}</code></p>
</body>
</html>
"""


def render(page: Page) -> str:
    """The page as one text; every name and reason in it is escaped."""
    environment = jinja2.Environment(autoescape=True, keep_trailing_newline=True)
    environment.filters |= {"plain": foreign.plain, "words": words, "kind": _kind}
    return environment.from_string(TEMPLATE).render(page=page)


def _kind(column: Column) -> markupsafe.Markup:
    return markupsafe.Markup(' class="number"' if column.is_number else "")
