"""What rules find: workflows with `¦` before each place where the rule fires. Without one, it must not."""

PIN = "0123456789abcdef0123456789abcdef01234567"
ZEKT = f"zekt-dev-org/zekt-action@{PIN}"
CONFIRM = f"zekt-dev-org/zekt-action/confirm@{PIN}"
COMPLETE = f"zekt-dev-org/zekt-action/complete@{PIN}"
FLOWS = "zekt-dev-org/zekt-action/.github/workflows"
EVENT = "github.event.client_payload"
MESSAGE = f"{EVENT}.zekt.payload"


def steps(*given: str, on: str = "push", top: str = "", job: str = "") -> str:
    """A file with one job; each step is its lines, without the dash."""
    lines = [f"on: {on}", *top.splitlines(), "jobs:", "  one:", "    runs-on: ubuntu-latest"]
    lines += [f"    {line}" for line in job.splitlines()]
    lines += ["    steps:"]
    for step in given:
        first, *rest = step.splitlines()
        lines += [f"      - {first}", *(f"        {line}" for line in rest)]
    return "\n".join([*lines, ""])


def consumer(*given: str) -> str:
    return steps(*given, on="{repository_dispatch: {types: [order]}}", top="permissions: {id-token: write}")


def calls(flow: str, rest: str = "", *, top: str = "", on: str = "push") -> str:
    return f"on: {on}\n{top}\njobs:\n  one:\n    uses: ¦{FLOWS}/{flow}@{PIN}\n{rest}"


FIRST = f"id: confirm\nuses: {CONFIRM}"

IN_CODE = [
    # what is pasted
    steps(f"run: echo ¦${{{{ {MESSAGE}.size }}}}"),
    steps(f"run: |\n  true\n  echo '¦${{{{ {MESSAGE} }}}}' ¦${{{{ {EVENT}.x }}}}"),
    steps(f"run: >-\n  true\n  ¦${{{{ {EVENT}.x }}}}"),
    steps("run: echo ¦${{ github.event['client_payload']['zekt'].payload.size }}"),
    steps("run: echo ¦${{ GitHub.Event.Client_Payload.x }}"),
    steps("run: echo ¦${{ github.event.*.zekt }}"),
    steps("run: echo ¦${{ toJSON(github.event) }}"),
    steps("run: echo ¦${{ toJSON(github) }}"),
    steps(f"run: echo ¦${{{{ format('{{0}}', {EVENT}.x) }}}}"),
    steps(f"run: echo ¦${{{{ {EVENT}.x || 'none' }}}}"),
    steps(f"run: echo ¦${{{{ true && {EVENT}.x }}}}"),
    steps(f"run: echo ¦${{{{ fromJSON({EVENT}.x).y }}}}"),
    # where
    steps(f"run: x\nshell: bash -c ¦${{{{ {EVENT}.x }}}} {{0}}"),
    steps(f"uses: actions/github-script@v8\nwith:\n  script: return ¦${{{{ {EVENT}.x }}}}"),
    steps(f"uses: other/ssh@v1\nwith:\n  Command: ls ¦${{{{ {EVENT}.x }}}}"),
    steps("run: x", job=f"container:\n  image: ¦${{{{ {EVENT}.x }}}}"),
    steps("run: x", job=f"container: ¦${{{{ {EVENT}.x }}}}"),
    steps("run: x", job=f"services:\n  db:\n    image: a\n    options: ¦${{{{ {EVENT}.x }}}}"),
    calls("zekt-receive.yml", f"    with: {{command: '¦${{{{ {EVENT}.x }}}}'}}\n").replace("uses: ¦", "uses: "),
    calls("zekt-receive.yml", f"    with: {{composite: 'a/¦${{{{ {EVENT}.x }}}}'}}\n").replace("uses: ¦", "uses: "),
    f"on: push\njobs: {{one: {{runs-on: ['a', \"¦${{{{ {EVENT}.x }}}}\"], steps: [run: x]}}}}",
    # by what way
    consumer(FIRST, "run: ¦${{ steps.confirm.outputs.payload }}"),
    consumer(FIRST, "run: ¦${{ fromJSON(steps.confirm.outputs.payload).size }}"),
    consumer(FIRST, "run: ¦${{ toJSON(steps) }}"),
    steps("run: echo ¦${{ env.X }}", top=f"env: {{X: '${{{{ {EVENT}.x }}}}'}}"),
    steps("run: echo ¦${{ env.x }}", job=f"env: {{X: '${{{{ {EVENT}.x }}}}'}}"),
    steps(f"run: echo ¦${{{{ env.Y }}}}\nenv: {{Y: '${{{{ {EVENT}.x }}}}'}}"),
    steps("run: ¦${{ matrix.n }}", job=f"strategy:\n  matrix:\n    n: ${{{{ fromJSON({EVENT}.x) }}}}"),
    steps("run: ¦${{ matrix.n }}", job=f"strategy:\n  matrix: ${{{{ fromJSON({EVENT}.x) }}}}"),
    steps("run: ¦${{ matrix.n }}", job=f"strategy:\n  matrix:\n    include: [{{n: '${{{{ {EVENT}.x }}}}'}}]"),
    steps(
        f'id: a\nrun: echo "size=$SIZE" >> "$GITHUB_OUTPUT"\nenv: {{SIZE: \'${{{{ {EVENT}.x }}}}\'}}',
        "run: echo ¦${{ steps.a.outputs.size }}",
    ),
    steps(
        f"run: echo \"SIZE=${{SIZE}}\" >> $GITHUB_ENV\nenv: {{SIZE: '${{{{ {EVENT}.x }}}}'}}",
        "run: echo ¦${{ env.SIZE }} $SIZE",
    ),
    consumer(
        FIRST,
        'id: a\nrun: echo "size=$(jq -r .size "$M")" >> "$GITHUB_OUTPUT"\n'
        "env: {M: '${{ steps.confirm.outputs.payload-path }}'}",
        "run: echo ¦${{ steps.a.outputs.size }}",
    ),
    (
        f"on: push\njobs:\n  last: {{needs: [mid], steps: [{{run: '¦${{{{ needs.mid.outputs.b }}}}'}}]}}\n"
        "  mid: {needs: first, outputs: {b: '${{ needs.first.outputs.a }}'}, steps: [run: x]}\n"
        f"  first: {{outputs: {{a: '${{{{ {EVENT}.x }}}}'}}, steps: [run: x]}}\n"
    ),
]


def handed_on(script: str, *, run: str = "run: |", code: str = "¦${{ steps.x.outputs.name }}") -> str:
    """A script with the message's path as M, and a step that pastes what it writes."""
    lines = "".join(f"\n  {line}" for line in script.splitlines())
    return consumer(
        FIRST,
        f"id: x\nenv: {{M: '${{{{ steps.confirm.outputs.payload-path }}}}'}}\n{run}{lines}",
        f"run: echo {code}",
    )


OUT = '>> "$GITHUB_OUTPUT"'
IN_CODE += [
    handed_on(f'echo "name=$(jq -r .client_payload.name "$GITHUB_EVENT_PATH")" {OUT}'),
    handed_on(f'echo "name=$(jq -r .name "${{{{ github.event_path }}}}")" {OUT}'),
    handed_on(f"echo \"name=$(jq -r .name '${{{{ steps.confirm.outputs.payload-path }}}}')\" {OUT}"),
    handed_on(f'echo "name=$(jq -r .name "${{{{ env.M }}}}")" {OUT}'),
    handed_on(f"""jq -r '"name=" + .name' "$M" {OUT}"""),
    handed_on(f"jq -r .name \"$M\" | sed 's/^/name=/' {OUT}"),
    handed_on(f'if [ -n "$M" ]; then NAME=$(jq -r .name "$M"); fi\necho "name=$NAME" {OUT}'),
    handed_on(f'read -r NAME < "$M"\necho "name=$NAME" {OUT}'),
    handed_on(f'NAME=$(\n  jq -r .name "$M"\n)\necho "name=$NAME" {OUT}'),
    handed_on(f'NAME=$(jq -r .name "$M")\ncat {OUT} <<EOF\nname=$NAME\nEOF'),
    handed_on(
        "with open(os.environ['GITHUB_OUTPUT'], 'a') as f:\n  f.write('name=' + open(os.environ['M']).read())",
        run="shell: python\nrun: |",
    ),
    handed_on('jq -r . "$M" >> "$GITHUB_ENV"', code="¦${{ env.anything }}"),
    consumer(
        FIRST,
        'run: echo "N2=$(jq -r .name "$M")" >> "$GITHUB_ENV"\nenv: {M: \'${{ steps.confirm.outputs.payload-path }}\'}',
        f'id: x\nrun: echo "out=$N2" {OUT}',
        "run: echo ¦${{ steps.x.outputs.out }} ¦${{ env.n2 }}",
    ),
    steps("run: echo ¦${{ matrix.name }}", job=f"strategy: ${{{{ fromJSON({EVENT}.strategy) }}}}"),
    *(
        steps("run: echo ¦${{ env.name }}", **{where: f"env: ${{{{ fromJSON(toJSON({EVENT})) }}}}"})
        for where in ("top", "job")
    ),
    steps(f"run: echo ¦${{{{ env.name }}}}\nenv: ${{{{ fromJSON(toJSON({EVENT})) }}}}"),
    steps(f"uses: docker://image\nwith: {{entrypoint: '¦${{{{ {EVENT}.x }}}}', args: '-c ¦${{{{ {EVENT}.x }}}}'}}"),
    steps("run: x", job=f"defaults: {{run: {{shell: '¦${{{{ {EVENT}.x }}}}'}}}}"),
    steps(f"uses: nick-fields/retry@v3\nwith: {{on_retry_command: 'x ¦${{{{ {EVENT}.x }}}}'}}"),
    steps(f"uses: actions/checkout@v7\nwith: {{repository: 'a/¦${{{{ {EVENT}.x }}}}', ref: '¦${{{{ {EVENT}.y }}}}'}}"),
]

NOT_IN_CODE = [
    handed_on(f'size=$(wc -c <"$M")\necho "size=$size" {OUT}', code="${{ steps.x.outputs.size }}"),
    handed_on(f'echo "name=ours" {OUT}\njq . "$M"', code="${{ steps.x.outputs.name }}"),
    handed_on(f'echo "name=$(jq -r .name "$M")" {OUT}', code="$NAME # ${{ steps.x.outputs.other }}"),
    handed_on(f"""jq -r '"name=" + .name' "$M" {OUT}""", code="$NAME\nenv: {NAME: '${{ steps.x.outputs.name }}'}"),
    handed_on(f'echo "commit=$(jq -r .commit "$M")" {OUT}', code="x").replace(
        "run: echo x", "uses: actions/checkout@v7\n        with: {ref: '${{ steps.x.outputs.commit }}'}"
    ),
    steps(f"uses: other/action@v1\nwith: {{args: '${{{{ {EVENT}.x }}}}', ref: '${{{{ {EVENT}.x }}}}'}}"),
    steps(f'id: x\nrun: echo "n=$(jq -r .number "$GITHUB_EVENT_PATH")" {OUT}', "run: echo ${{ steps.x.outputs.n }}"),
    steps(f"run: echo \"$SIZE\"\nenv: {{SIZE: '${{{{ {MESSAGE}.size }}}}'}}"),
    steps("run: echo ${{ github.event.action }} ${{ github.sha }} ${{ github }} ${{ inputs.client_payload }}"),
    steps(f"run: echo ${{{{ {EVENT}.x == 'a' && 'yes' || 'no' }}}} ${{{{ contains({EVENT}.x, 'a') }}}}"),
    steps(f"run: echo ${{{{ !{EVENT}.x }}}} ${{{{ matrix[{EVENT}.x] }}}} ${{{{ '{EVENT}' }}}}"),
    steps(f"run: echo {EVENT}.x $((1 << 2)) ${{{{ unfinished"),
    steps(f"uses: actions/github-script@v8\nwith: {{github-token: '${{{{ {EVENT}.x }}}}'}}"),
    steps("run: x", job=f"container:\n  image: a\n  env: {{X: '${{{{ {EVENT}.x }}}}'}}"),
    consumer(FIRST, "run: cat ${{ steps.confirm.outputs.payload-path }} # ${{ steps.confirm.outputs.duplicate }}"),
    steps(
        "run: echo ${{ env.X }}\nenv: {X: safe}",
        top=f"env: {{X: '${{{{ {EVENT}.x }}}}'}}",
    ),
    steps(f"run: x\nenv: {{X: '${{{{ {EVENT}.x }}}}'}}", "run: echo ${{ env.X }}"),
    steps(
        f'id: a\nrun: echo "size=large" >> "$GITHUB_OUTPUT"; echo "$SIZE"\nenv: {{SIZE: \'${{{{ {EVENT}.x }}}}\'}}',
        "run: echo ${{ steps.a.outputs.size }}",
    ),
    steps("id: confirm\nuses: other/confirm@v1", "run: ${{ steps.confirm.outputs.payload }}"),
    (
        f"on: push\njobs:\n  a: {{outputs: {{x: '${{{{ {EVENT}.x }}}}', y: 'b'}}, steps: [run: x]}}\n"
        "  b: {needs: a, steps: [run: '${{ needs.a.outputs.y }} ${{ needs.a.result }}']}\n"
    ),
]

IN_CONDITION = [
    steps(f"if: ¦${{{{ {EVENT}.x }}}} == 'a'\nrun: x"),
    steps(f'if: ¦"${{{{ {EVENT}.x }}}} "\nrun: x'),
    steps(f"if: ¦|\n  ${{{{ {EVENT}.x == 'a' }}}}\nrun: x"),
    steps("run: x", job=f"if: ¦${{{{ {EVENT}.x }}}} && ${{{{ {EVENT}.y }}}}"),
    consumer(FIRST, "if: ¦true && ${{ steps.confirm.outputs.payload == 'x' }}\nrun: x"),
    # must not
    steps(f"if: {EVENT}.x == 'a'\nrun: x", job=f"if: ${{{{ {EVENT}.x }}}}"),
    steps("if: ${{ github.ref }} == 'a'\nrun: x"),
    steps(f"if: contains({EVENT}.x, 'a') && true\nrun: x"),
]

PERMISSIONS = [
    steps(f"uses: ¦{ZEKT}", f"uses: {COMPLETE}"),
    steps(f"uses: ¦{CONFIRM}", top="permissions: {}"),
    steps(f"uses: ¦{COMPLETE}", top="permissions: read-all"),
    steps(f"uses: ¦{ZEKT}", top="permissions: {id-token: write}", job="permissions: {contents: read}"),
    steps(f"uses: ¦my-org/Zekt-Action/send@{PIN}", job="permissions: {id-token: none}"),
    steps(f"uses: ¦{ZEKT}", on="workflow_call", job="permissions: {contents: read}"),
    calls("zekt-send.yml"),
    calls("zekt-send.yml", "    permissions: {id-token: write}\n"),
    calls("zekt-receive.yml", "    permissions: {id-token: write}\n"),
    calls("zekt-receive.yml", top="permissions: {contents: read}"),
    # must not
    steps(f"uses: {ZEKT}", top="permissions: write-all"),
    steps(f"uses: {ZEKT}", top="permissions: {}", job="permissions: {id-token: write}"),
    steps(f"uses: {ZEKT}", on="workflow_call"),
    steps("uses: $/confirm", "uses: ./complete", "uses: other/action@v1", "uses: docker://zekt-action"),
    calls("zekt-send.yml", "    permissions: {id-token: write, contents: read}\n").replace("¦", ""),
    calls("zekt-receive.yml", top="permissions: {id-token: write, contents: read}").replace("¦", ""),
    calls("other.yml").replace("¦", ""),
]
