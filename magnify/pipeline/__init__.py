"""How a clip goes through: where frames come from, what a mode does, where results go."""
