"""Parse, call a flow, render."""
