"""The embedded AWS (moto), its sessions, and the scheduled rules that moto does not run."""
