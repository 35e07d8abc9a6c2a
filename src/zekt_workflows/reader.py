"""Reads one workflow file: the only code of ours that does."""

from pathlib import Path

from zekt_workflows import model
from zekt_workflows.errors import MAX_BYTES, WorkflowFileError
from zekt_workflows.model import Event, Input, Job, Named, Permissions, Step, Uses, Workflow
from zekt_workflows.source import Items, Pairs, Scalar, Source, Value, parse


def read_file(path: Path, *, name: str | None = None) -> Workflow:
    """Read a file of at most `MAX_BYTES`; `name` is what errors and findings call it, else its path.

    Raises:
        WorkflowFileError: it cannot be opened, is no UTF-8, or `read` refuses it.
    """
    shown = str(path) if name is None else name
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8") if len(raw) <= MAX_BYTES else None
    except (OSError, ValueError) as error:
        why = f"it is not UTF-8 (byte {error.start})" if isinstance(error, UnicodeDecodeError) else None
        why = why or f"it cannot be read: {getattr(error, 'strerror', None) or error}"
        raise WorkflowFileError(why, path=shown) from None
    if text is None:
        raise WorkflowFileError(f"it is larger than {MAX_BYTES:,} bytes", path=shown)
    return read(text, shown)


def read(text: str, path: str = "") -> Workflow:
    """Read a file's text. What GitHub knows and this does not is passed over; the whole stands in `raw`.

    Raises:
        WorkflowFileError: it is no YAML within bounds, or not shaped as a workflow.
    """
    source = Source(text, path)
    shape = _Shape(source)
    root = shape.pairs(parse(source))
    jobs = shape.pairs_or_none(root.get("jobs"))
    return Workflow(
        source=source,
        name=shape.word(root.get("name")),
        run_name=shape.word(root.get("run-name")),
        events=_events(shape, root),
        permissions=_permissions(shape, root.get("permissions")),
        env=shape.named(root.get("env")),
        jobs=tuple(_job(shape, name, shape.pairs(value)) for name, value in jobs or ()),
        raw=root,
    )


def read_events(text: str) -> tuple[Event, ...]:
    """What starts the workflow, and nothing else of it; raises as `read` does."""
    source = Source(text)
    shape = _Shape(source)
    return _events(shape, shape.pairs(parse(source)))


class _Shape:
    """Takes a value for what it should be, or says where it is something else."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def pairs(self, value: Value) -> Pairs:
        if not isinstance(value, Pairs):
            raise self._source.error("here should be keys and values", value.place)
        return value

    def pairs_or_none(self, value: Value | None) -> Pairs | None:
        """None also where nothing follows the key."""
        return None if value is None or (isinstance(value, Scalar) and value.is_null) else self.pairs(value)

    def items(self, value: Value | None) -> tuple[Value, ...]:
        if value is None or (isinstance(value, Scalar) and value.is_null):
            return ()
        if not isinstance(value, Items):
            raise self._source.error("here should be a list", value.place)
        return value.values

    def word(self, value: Value | None) -> Scalar | None:
        if value is None or isinstance(value, Scalar):
            return value
        raise self._source.error("here should be one value", value.place)

    def words(self, value: Value) -> tuple[Scalar, ...]:
        """A word, or a list of words."""
        items = value.values if isinstance(value, Items) else (value,)
        words = tuple(item for item in items if isinstance(item, Scalar) and not item.is_null)
        if len(words) != len(items):
            raise self._source.error("here should be a word or a list of words", value.place)
        return words

    def named(self, value: Value | None) -> Named:
        """Names with one value each. A whole `env` may be one expression; it stands in `raw`."""
        if isinstance(value, Scalar) and "${{" in value.text:
            return ()
        pairs = self.pairs_or_none(value)
        for _, each in pairs or ():
            if not isinstance(each, Scalar):
                raise self._source.error("here should be one value; put JSON in quotes", each.place)
        return tuple((name, each) for name, each in pairs or () if isinstance(each, Scalar))

    def no_on(self, root: Pairs) -> WorkflowFileError:
        return self._source.error("it has no key `on`", root.place)

    def odd_permissions(self, value: Scalar) -> WorkflowFileError:
        return self._source.error("permissions should be read-all, write-all or scopes with read, write or none",
                                  value.place)  # fmt: skip


def _events(shape: _Shape, root: Pairs) -> tuple[Event, ...]:
    """`on: push`, `on: [push, repository_dispatch]`, or `on:` with the events as keys.

    Keys are compared as they are written: YAML 1.1 would take `on` for true.
    """
    on = root.get("on")
    if on is None:
        raise shape.no_on(root)
    if not isinstance(on, Pairs):
        return tuple(Event(name, None, (), None) for name in shape.words(on))
    # `schedule` is the one event whose value is a list.
    return tuple(
        _event(shape, name, None if isinstance(value, Items) else shape.pairs_or_none(value)) for name, value in on
    )


def _event(shape: _Shape, name: Scalar, options: Pairs | None) -> Event:
    types = None if options is None else options.get("types")
    inputs = None if options is None else shape.pairs_or_none(options.get("inputs"))
    return Event(
        name=name,
        types=None if types is None else shape.words(types),
        inputs=tuple(_input(shape, each, shape.pairs_or_none(value)) for each, value in inputs or ()),
        options=options,
    )


def _input(shape: _Shape, name: Scalar, given: Pairs | None) -> Input:
    given = given or Pairs((), name.place)
    kind, required = shape.word(given.get("type")), shape.word(given.get("required"))
    return Input(
        name=name,
        type="string" if kind is None or kind.is_null else kind.text,
        required=required is not None and required.is_true,
        default=shape.word(given.get("default")),
        options=tuple(word for item in shape.items(given.get("options")) if (word := shape.word(item)) is not None),
    )


def _permissions(shape: _Shape, value: Value | None) -> Permissions | None:
    if value is None:
        return None
    if isinstance(value, Scalar) and not value.is_null:
        if value.text not in ("read-all", "write-all"):
            raise shape.odd_permissions(value)
        return Permissions(value.place, value.text, {})
    pairs = shape.pairs_or_none(value)
    scopes = {name.text: word.text for name, each in pairs or () if (word := shape.word(each)) is not None}
    return Permissions(value.place, None, scopes)


def _job(shape: _Shape, job_id: Scalar, raw: Pairs) -> Job:
    needs = raw.get("needs")
    return Job(
        id=job_id,
        name=shape.word(raw.get("name")),
        needs=() if needs is None else shape.words(needs),
        condition=shape.word(raw.get("if")),
        permissions=_permissions(shape, raw.get("permissions")),
        env=shape.named(raw.get("env")),
        outputs=shape.named(raw.get("outputs")),
        strategy=raw.get("strategy"),
        uses=_uses(shape, raw),
        arguments=shape.named(raw.get("with")),
        steps=tuple(_step(shape, shape.pairs(item)) for item in shape.items(raw.get("steps"))),
        raw=raw,
    )


def _step(shape: _Shape, raw: Pairs) -> Step:
    return Step(
        place=raw.place,
        id=shape.word(raw.get("id")),
        name=shape.word(raw.get("name")),
        condition=shape.word(raw.get("if")),
        uses=_uses(shape, raw),
        run=shape.word(raw.get("run")),
        shell=shape.word(raw.get("shell")),
        arguments=shape.named(raw.get("with")),
        env=shape.named(raw.get("env")),
        raw=raw,
    )


def _uses(shape: _Shape, raw: Pairs) -> Uses | None:
    text = shape.word(raw.get("uses"))
    return None if text is None else model.uses(text)
