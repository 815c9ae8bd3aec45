"""Email: takes mail by SMTP and sends replies by SMTP."""
