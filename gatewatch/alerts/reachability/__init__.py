"""Whether an open rule can be reached from the internet: reads the network of its interfaces and checks the path."""
