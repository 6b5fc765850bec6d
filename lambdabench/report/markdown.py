"""A page as Markdown."""

import jinja2

from ..analysis.page import Page, Section, words
from ..core import foreign

TEMPLATE = """# {{ page.title | safe_text }}

{% if page.question %}{{ page.question }}

{% endif %}{% for sentence in page.answers %}**{{ sentence | safe_text }}**

{% endfor %}{% if page.source %}Source: {{ page.source | safe_text }}.

{% endif %}{% for figure in page.figures %}![{{ figure }}]({{ figure }})

{% endfor %}{% for part in sections %}{% if part.title %}## {{ part.title }}

{% endif %}{{ part | table }}

{% for line in part.legend %}- {{ line | safe_text }}
{% endfor %}
{% endfor %}{% if is_shortened %}Every case with all its numbers: [index.html](index.html), index.json.

{% endif %}{% if page.holes %}## Holes

{% for line in page.holes %}- {{ line | safe_text }}
{% endfor %}
{% endif %}## Conditions

{% for line in page.conditions %}- {{ line | safe_text }}
{% endfor %}
## How a number was made

{{ page.how }}
Repeat: {{ page.repeat | code }}
"""


def render(page: Page) -> str:
    """The page as one text. Nothing of a name or a reason is taken for markup."""
    sections = [part for part in page.sections if not part.is_long]
    is_shortened = len(sections) < len(page.sections)
    return _environment().from_string(TEMPLATE).render(page=page, sections=sections, is_shortened=is_shortened)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(keep_trailing_newline=True)
    environment.filters |= {"safe_text": foreign.markdown, "code": foreign.code, "table": _table}
    return environment


def _table(part: Section) -> str:
    titles = [foreign.markdown(column.title, in_cell=True) for column in part.table.columns]
    rows = [[foreign.markdown(words(cell), in_cell=True) for cell in row] for row in part.table.rows]
    rules = ["---:" if column.is_number else "---" for column in part.table.columns]
    return "\n".join(f"| {' | '.join(row)} |" for row in (titles, rules, *rows))
