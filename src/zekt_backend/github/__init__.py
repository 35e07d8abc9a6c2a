"""Everything said to or heard from GitHub."""
