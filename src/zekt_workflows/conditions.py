"""In which ends of a job does a step still run, by what stands under its `if`?

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
"""

from zekt_workflows.embedded import condition, is_mixed
from zekt_workflows.expressions import Call, Literal, Node, Operation, mentioned_calls
from zekt_workflows.source import Scalar, Source

SUCCESS, FAILURE, CANCELLED = "success", "failure", "cancelled"
STATES = frozenset({SUCCESS, FAILURE, CANCELLED})

_FUNCTIONS = {
    "always": STATES,
    "success": frozenset({SUCCESS}),
    "failure": frozenset({FAILURE}),
    "cancelled": frozenset({CANCELLED}),
}
_EITHER = frozenset({True, False})


def runs_in(source: Source, scalar: Scalar | None) -> frozenset[str]:
    """The states in which it can run; what else is asked under `if` is taken to be true as well as false.

    GitHub reads `success() && (…)` where no status function stands in it.
    """
    if scalar is None or scalar.is_null:
        return frozenset({SUCCESS})
    expressions = condition(source, scalar)
    called = {name for each in expressions if each.node for name in mentioned_calls(each.node)} & set(_FUNCTIONS)
    if any(each.node is None for each in expressions):
        return STATES
    if is_mixed(scalar):
        return STATES if called else frozenset({SUCCESS})
    node = expressions[0].node
    reached = frozenset(state for state in STATES if node is not None and True in _outcomes(node, state))
    return reached if called else reached & {SUCCESS}


def _outcomes(node: Node, state: str) -> frozenset[bool]:
    if isinstance(node, Literal):
        return frozenset({node.value not in (None, False, "", "0")})
    if isinstance(node, Call) and node.name in _FUNCTIONS:
        return frozenset({state in _FUNCTIONS[node.name]})
    if isinstance(node, Operation) and node.sign == "!":
        return frozenset(not each for each in _outcomes(node.operands[0], state))
    if isinstance(node, Operation) and node.sign in ("&&", "||"):
        operands = [_outcomes(each, state) for each in node.operands]
        decisive = node.sign == "||"
        # One operand may decide alone; the other end needs all of them.
        ends = {decisive} if any(decisive in each for each in operands) else set()
        return frozenset(ends | ({not decisive} if all((not decisive) in each for each in operands) else set()))
    return _EITHER
