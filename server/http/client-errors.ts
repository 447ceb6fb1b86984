/** Answers malformed requests, which Node refuses before any code of ours runs. */
import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ErrorCode } from "../errors.ts";
import { answer } from "./answer-errors.ts";
import { API_HEADERS } from "./security-headers.ts";

const REASONS: Record<string, { code: ErrorCode; status: number; message: string }> = {
  HPE_HEADER_OVERFLOW: { code: "TOO_LARGE", status: 431, message: "The request's headers are too large." },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { code: "TOO_LARGE", status: 413, message: "The chunks' extensions are too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { code: "BAD_INPUT", status: 408, message: "The request was not complete in time." },
};
const MALFORMED = { code: "BAD_INPUT", status: 400, message: "This is not a well-formed HTTP request." } as const;

/**
 * How long the rest of a refused request is read and dropped. Hazard: closing earlier resets the connection, and the
 * client loses its answer.
 */
const DISCARD_MS = 1000;
/** Connections that were answered. Node's parser reports an error again for each chunk that they still send. */
const refused = new WeakSet<Socket>();

/**
 * Answers and ends the connection, because nobody knows where its next request begins. While another answer is being
 * sent, it only ends the connection.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, answering: boolean): void {
  if (refused.has(socket) && error.code !== "ECONNRESET") return;
  if (error.code === "ECONNRESET" || !socket.writable || answering) {
    socket.destroy();
    return;
  }
  const { code, status, message } = REASONS[error.code ?? ""] ?? MALFORMED;
  const text = JSON.stringify(answer(code, message, { status }).body);
  const headers = Object.entries({
    ...API_HEADERS,
    "x-request-id": randomUUID(),
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  refused.add(socket);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${text}`);
  setTimeout(() => socket.destroy(), DISCARD_MS).unref();
}
