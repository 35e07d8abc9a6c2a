"""What is asked of a message before it is stored, in processes that can be killed: credentials, JSON Schemas."""
