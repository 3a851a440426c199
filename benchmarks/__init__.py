"""What anyone can rerun: problems with an expert's answer, and measurements of speed."""
