"""What a script hands on of a message: the ways that people write, and none that they do not mean."""

import pytest

from zekt_workflows.scripts import Written, written

OUTPUT, ENV = '>> "$GITHUB_OUTPUT"', ">> $GITHUB_ENV"


@pytest.mark.parametrize(
    ("script", "names"),
    [
        (f'echo "size=$SIZE" {OUTPUT}', "size"),
        (f"echo size=${{SIZE}} {OUTPUT}", "size"),
        (f"printf 'a-b=%s\\n' \"$SIZE\" {OUTPUT}", "a-b"),
        (f'echo "size=prefix-$SIZE-suffix" {OUTPUT}', "size"),
        ('echo "size=$SIZE" | tee -a "$GITHUB_OUTPUT"', "size"),
        (f'{{\n  echo "a=$SIZE"\n  echo "b=2"\n}} {OUTPUT}', "a"),
        (f'echo "size=$(jq -r .size "$FILE")" {OUTPUT}', "size"),
        (f'echo "size=`jq -r .size $FILE`" {OUTPUT}', "size"),
        (f'size=$(jq -r .size "$FILE")\necho "s=$size" {OUTPUT}', "s"),
        (f'export copy="$SIZE"\nmore=$copy\necho "s=$more" {OUTPUT}', "s"),
        (f'echo "body<<END" {OUTPUT}\njq . "$FILE" {OUTPUT}\necho END {OUTPUT}', "body"),
        (f'if [ -n "$FILE" ]; then NAME=$(jq -r .n "$FILE"); fi\necho "n=$NAME" {OUTPUT}', "n"),
        (f'NAME=$(\n  jq -r .n \\\n    "$FILE"\n)\necho "n=$NAME" {OUTPUT}', "n"),
        (f'read -r NAME < "$FILE"\necho "n=$NAME" {OUTPUT}', "n"),
        (f'jq -r .n "$FILE" | while IFS= read -r NAME; do echo "n=$NAME" {OUTPUT}; done', "n"),
        (f'for NAME in $(jq -r .n[] "$FILE"); do echo "n=$NAME" {OUTPUT}; done', "n"),
        (f'copy=$SIZE\nif x; then\n  copy=large\nfi\necho "s=$copy" {OUTPUT}', "s"),
        (f'other=$FILE\necho "s=$(jq -r .s "$other")" {OUTPUT}', "s"),
        (f"# it's a comment\nNAME=$SIZE; echo n=$NAME {OUTPUT}", "n"),
        (f'copy=$SIZE\ncopy+=large\necho "s=$copy" {OUTPUT}', "s"),
        # under a name that the script does not tell: any
        (f"""jq -r '"name=" + .name' "$FILE" {OUTPUT}""", "?"),
        (f"""jq -r .name "$FILE" | sed 's/^/name=/' {OUTPUT}""", "?"),
        (f"""echo "$SIZE" | sed 's/^/name=/' {OUTPUT}""", "?"),
        ("""jq -r '"name=" + .name' "$FILE" | tee -a "$GITHUB_OUTPUT\"""", "?"),
        (f"""{{\n  jq -r '"name=" + .name' "$FILE"\n}} {OUTPUT}""", "?"),
        (f"cat {OUTPUT} <<EOF\nit's=$SIZE\nEOF", "?"),
        (f'jq . "$FILE" > x\ncat x {OUTPUT}', "?"),
        (f'echo "a=$SIZE\nb=$SIZE" {OUTPUT}', "a ?"),
        (f'echo "b<<END" {OUTPUT}\necho "$SIZE" {OUTPUT}\necho END {OUTPUT}\ncat "$FILE" {OUTPUT}', "b ?"),
        (f'size=$(wc -c <"$FILE")\necho "size=$size" {OUTPUT}', ""),
        (f'echo "sum=$(jq -c . "$FILE" | sha256sum)" {OUTPUT}', ""),
        (f'echo "n=$(jq length "$FILE")" {OUTPUT}\necho "m=$(jq \'length\' "$FILE")" {OUTPUT}', ""),
        (f'echo "kb=$(( $(stat -c %s "$FILE") / 1024 ))" {OUTPUT}', ""),
        (f'if [ -n "$SIZE" ]; then echo "given=true" {OUTPUT}; fi', ""),
        (f'case "$SIZE" in\n  s) echo "small=true" {OUTPUT} ;;\nesac', ""),
        (f'echo "size=large" {OUTPUT}', ""),
        (f'echo "path=$FILE" {OUTPUT}', ""),
        (f'echo "size=large" {OUTPUT}; echo "$SIZE"', ""),
        (f'copy=$SIZE\ncopy=large\necho "s=$copy" {OUTPUT}', ""),
        ('echo "size=$SIZE"', ""),
        (f'echo "result=result.json" {OUTPUT}\njq . "$FILE" > result.json', ""),
        (f'echo "size=$SIZED" {OUTPUT}', ""),
    ],
)
def test_what_is_copied_has_the_name_that_it_is_given(script: str, names: str) -> None:
    assert [each.name or "?" for each in written(script, {"SIZE"}, {"FILE"})] == names.split()


def test_of_a_counted_text_only_what_is_counted_is_left_out() -> None:
    script = (
        f'echo "n=$(wc -c <"$FILE") $(jq -r .n "$FILE")" {OUTPUT}\necho "m=$(wc -c <"$FILE" | cat - "$FILE")" {OUTPUT}'
    )
    assert [each.name for each in written(script, (), {"FILE"})] == ["n", "m"]


@pytest.mark.parametrize("shell", ["python", "pwsh", "node {0}", "perl {0}"])
def test_of_another_language_it_is_known_only_that_it_writes(shell: str) -> None:
    script = "with open(os.environ['GITHUB_OUTPUT'], 'a') as out: out.write(os.environ['SIZE'])"
    assert list(written(script, {"SIZE"}, (), shell=shell)) == [Written("", to_env=False)]
    assert list(written(script, {"OTHER"}, (), shell=shell)) == []


def test_it_goes_where_the_script_writes() -> None:
    assert list(written(f'echo "A=$SIZE" {ENV}', {"SIZE"}, ())) == [Written("A", to_env=True)]
    both = f'echo "A=$SIZE" {ENV}\necho "b=c" {OUTPUT}'
    assert list(written(both, {"SIZE"}, ())) == [Written("A", to_env=False), Written("A", to_env=True)]
