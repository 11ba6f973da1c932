"""What people and programs read: text and JSON from the same facts."""
