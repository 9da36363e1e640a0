"""Identity: accounts, tokens, vaults, spaces and the records of personas."""
