"""Feed-forward networks and back-propagation."""
