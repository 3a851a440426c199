"""Losses of networks as functions of one vector, with their Hessians."""
