"""GitHub Actions for local folders: a dispatch starts their workflows, act runs them, webhooks tell of it."""
