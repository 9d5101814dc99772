"""The proxy between the service and the store: bytes, and whatever happens to them."""

import asyncio
from dataclasses import dataclass

from chaos.door import break_off
from chaos.driven import Board, with_offset
from chaos.mood import Mood
from local.ports import HOST

PIECE = 1 << 16


@dataclass(slots=True)
class StoreProxy:
    """Connections go to the server on ``port``; those that stand stay where they are when it changes. ``board`` has the clock."""

    mood: Mood
    board: Board
    port: int

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        behind_reader, behind_writer = await asyncio.open_connection(HOST, self.port)
        pumps = [
            asyncio.create_task(self._pump(reader, behind_writer, toward_service=False)),
            asyncio.create_task(self._pump(behind_reader, writer, toward_service=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            break_off(behind_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, toward_service: bool) -> None:
        kept = b""
        while piece := await reader.read(PIECE):
            await self.mood.hold_back()
            if reader.at_eof():
                return  # who sent it has left while it was held back
            if toward_service and self.mood.cutting:
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                writer.close()
                return
            if not toward_service:
                piece, kept = with_offset(kept + piece, self.board.offset_us)
            writer.write(piece)
            await writer.drain()
