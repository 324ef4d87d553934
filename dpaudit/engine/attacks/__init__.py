"""Plays the games of attacks: deals who is in, makes releases, and judges what was scored."""
