"""The sandbox: a stand-in GitHub on loopback, as far as Zekt can tell. It imports nothing of the backend."""
