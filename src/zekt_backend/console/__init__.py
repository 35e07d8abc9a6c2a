"""The console: pages for people, made of the answers that programs get from the same API."""
