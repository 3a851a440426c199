"""Loss landscape and depth."""
