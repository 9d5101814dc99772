"""The shared store (Redis or Valkey): commands, Lua scripts, and the link that sends them in one round trip."""

from dekr.store.command import Command, Script, call, load_script, lua_text, plain
from dekr.store.link import Store

__all__ = ["Command", "Script", "Store", "call", "load_script", "lua_text", "plain"]
