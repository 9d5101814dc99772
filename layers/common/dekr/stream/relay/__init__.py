"""The relay's loop: it numbers what the upstream sends, writes it down, and hands it to those who listen. No Lambda, no socket."""
