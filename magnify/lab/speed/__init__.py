"""What magnifying costs on this machine: time and memory. `magnify bench` prints it."""
