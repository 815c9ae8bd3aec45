"""Website chat: serves the widget, its sessions and its sockets."""
