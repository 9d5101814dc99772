"""News: each ticker's newest articles, kept up to date by one feed for the whole market."""
