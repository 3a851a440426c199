"""What several layers share: the mathematics that more than one of them is made of, and what they are tried on."""
