"""The knowledge base: ingests, chunks, embeds and searches with citations."""
