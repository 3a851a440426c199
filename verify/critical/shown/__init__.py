"""What was found, as people and programs see it: tables, JSON, pictures."""
