"""The embedded AWS (moto), its sessions, and the scheduled rules, which moto does not run."""
