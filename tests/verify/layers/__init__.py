"""Layers beside what is known of them: values, conventions, refusals. What all of them promise is in test_layers."""
