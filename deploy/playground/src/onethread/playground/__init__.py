"""Be the customer on all three channels: a shop with the widget, a mailbox and a Slack look-alike."""
