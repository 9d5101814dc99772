"""The proxy between the service and the store: it forwards bytes, and imposes faults on them."""

import asyncio
from dataclasses import dataclass

from chaos.driven_clock import SharedState, with_offset
from chaos.proxy_behaviour import ProxyBehaviour
from chaos.proxy_listener import reset_connection
from local.ports import HOST

CHUNK_BYTES = 1 << 16


@dataclass(slots=True)
class StoreProxy:
    """Forwards connections to the server on ``port``. Established ones keep their server when ``port`` changes.

    ``shared`` has the offset of the service's clock, which replaces the placeholders in commands.
    """

    behaviour: ProxyBehaviour
    shared: SharedState
    port: int

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side closes it."""
        store_reader, store_writer = await asyncio.open_connection(HOST, self.port)
        pumps = [
            asyncio.create_task(self._pump(reader, store_writer, toward_service=False)),
            asyncio.create_task(self._pump(store_reader, writer, toward_service=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            reset_connection(store_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, toward_service: bool) -> None:
        held_bytes = b""
        while chunk := await reader.read(CHUNK_BYTES):
            await self.behaviour.delay()
            if reader.at_eof():
                return  # the sender closed the connection while the chunk was delayed
            if toward_service and self.behaviour.cutting:
                writer.write(chunk[: len(chunk) // 2])
                await writer.drain()
                writer.close()
                return
            if not toward_service:
                chunk, held_bytes = with_offset(held_bytes + chunk, self.shared.offset_us)
            writer.write(chunk)
            await writer.drain()
