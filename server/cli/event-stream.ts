/** Reads an answer of server-sent events. */
import { readLines } from "./text-lines.ts";

export interface StreamEvent {
  /** "message" when the server gives no type. */
  type: string;
  /** The last id that the server sent, with this event or before. */
  id: string | null;
  data: string;
}

/** An event may have no data, only an id. Ends when the server ends the answer, and rejects when the connection breaks. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  let id: string | null = null;
  let type = "message";
  let data: string[] = [];
  for await (const line of linesOf(body)) {
    if (line === "") {
      yield { type, id, data: data.join("\n") };
      [type, data] = ["message", []];
      continue;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "data") data.push(value);
    else if (field === "event") type = value;
    else if (field === "id") id = value;
  }
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  for await (const lines of readLines(body)) for (const line of lines) yield line.toString();
}
