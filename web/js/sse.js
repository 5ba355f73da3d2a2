/** @typedef {{ name: string, data: string }} ServerSentEvent */

/**
 * Yields the events of a stream, however their bytes are cut. Comments and unknown fields are ignored.
 *
 * Source: the HTML standard, "Parsing an event stream".
 * @param {ReadableStream<Uint8Array>} stream it is cancelled where the reader leaves
 * @param {() => void} arrived is called for all that arrives: comments too show that the connection is alive
 * @returns {AsyncGenerator<ServerSentEvent, void, void>}
 */
export async function* readEvents(stream, arrived = () => {}) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let [rest, name, afterReturn] = ["", "", false];
  /** @type {string[]} */
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return; // What no blank line ends is no event.
      arrived();
      let chunk = decoder.decode(value, { stream: true });
      if (!chunk) continue;
      // A line may end in CR and LF, and those may come apart.
      if (afterReturn && chunk.startsWith("\n")) chunk = chunk.slice(1);
      afterReturn = chunk.endsWith("\r");
      const lines = (rest + chunk).split(/\r\n|\r|\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { name, data: data.join("\n") };
          [name, data] = ["", []];
          continue;
        }
        const [field, content] = fieldOf(line);
        if (field === "event") name = content;
        if (field === "data") data.push(content);
      }
    }
  } finally {
    await reader.cancel().catch(() => {}); // It failed already.
  }
}

/**
 * @param {string} line
 * @returns {[name: string, value: string]}
 */
function fieldOf(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return [line, ""];
  return [line.slice(0, colon), line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)];
}
