"""Work in pieces: on any executor, with a journal."""
