"""Check derivations, derivatives and backward passes against numbers."""
