"""What is sent to addresses that strangers chose: nothing here trusts where a name leads, or what answers."""
