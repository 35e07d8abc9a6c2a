"""The ledger test: kill everything at random, count what was acknowledged, and compare. docs/reliability.md."""
