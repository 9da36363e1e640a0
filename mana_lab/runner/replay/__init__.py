"""Record and replay: what a persona did with its app, kept, played again and compared."""
