"""Putting things back: a pure plan of frozen actions, one executor, a picture of before, and the way back."""
