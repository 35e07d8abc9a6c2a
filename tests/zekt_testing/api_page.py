"""`make docs`: the table of endpoints into docs/api.md, from the rows of `routes.TABLE`."""

from pathlib import Path

from zekt_backend.routes import TABLE

PAGE = Path(__file__).resolve().parents[2] / "docs/api.md"
BEGIN, END = "<!-- endpoints: written by `make docs` -->\n", "<!-- /endpoints -->\n"


def rendered(page: str) -> str:
    """The page with today's endpoints between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [f"| `{method} {path}` | {_right(right)} | {what} |\n" for method, path, right, *_, what in TABLE]
    head = "| Method and path | Who may | What |\n|---|---|---|\n"
    return f"{before}{BEGIN}\n{head}{''.join(rows)}\n{END}{after}"


def _right(right: str) -> str:
    return f"`{right}`" if right in ("read", "manage", "own") else right


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), encoding="utf-8")
