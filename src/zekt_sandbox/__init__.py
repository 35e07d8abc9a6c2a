"""A stand-in GitHub: REST, webhooks, OIDC, limits and faults, on loopback."""
