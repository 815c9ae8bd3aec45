"""What every service process shares: settings, logs, traces, health, the broker and the server."""
