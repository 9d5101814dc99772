// Print each item that the vendor's JavaScript client gets, as a line of JSON. Usage: stream.mjs URL KEY PAIRS
import { websocketClient } from "@massive.com/client-js";

const [url, key, pairs] = process.argv.slice(2);

// It closes nothing by itself: whoever uses it opens a new one after a cut.
function listen() {
  const socket = websocketClient(key, new URL(url).origin).stocks();
  socket.onmessage = ({ data }) => {
    for (const item of JSON.parse(data)) {
      console.log(JSON.stringify(item));
      if (item.status === "auth_success") socket.send(JSON.stringify({ action: "subscribe", params: pairs }));
    }
  };
  socket.onerror = () => {};
  socket.onclose = () => setTimeout(listen, 500);
}

listen();
