"""The language between the services: events, subjects, streams and questions."""
