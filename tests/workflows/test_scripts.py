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
        # nothing of it
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
    assert [each.name for each in written(script, {"SIZE"}, {"FILE"})] == names.split()


def test_it_goes_where_the_script_writes() -> None:
    assert list(written(f'echo "A=$SIZE" {ENV}', {"SIZE"}, ())) == [Written("A", to_env=True)]
    both = f'echo "A=$SIZE" {ENV}\necho "b=c" {OUTPUT}'
    assert list(written(both, {"SIZE"}, ())) == [Written("A", to_env=False), Written("A", to_env=True)]
