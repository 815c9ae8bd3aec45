"""The AI agent: decides to answer, ask or hand off, and writes the reply."""
