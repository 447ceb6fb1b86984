/** Lists and settings as files. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { DomainError } from "../errors.ts";
import { begun, type ExportRow, type Exports } from "../graphql/exports/exports.ts";
import { RIGHTS_CHANGED, type Waits } from "../graphql/http/waits.ts";
import type { SettingsFileOperations } from "../operations/settings-file/settings-file.ts";
import { csvLine, valueAt } from "./csv.ts";

interface Format {
  type: string;
  head: (columns: readonly string[]) => string;
  row: (row: ExportRow, columns: readonly string[]) => string;
}

const FORMATS: Readonly<Record<string, Format>> = {
  csv: {
    type: "text/csv; charset=utf-8; header=present",
    head: csvLine,
    row: (row, columns) => csvLine(columns.map((path) => valueAt(row, path))),
  },
  ndjson: {
    type: "application/x-ndjson; charset=utf-8",
    head: () => "",
    row: (row) => `${JSON.stringify(row)}\n`,
  },
};

/** The file of settings: see SettingsFileOperations. Its only parameter is `project`. */
const SETTINGS = "settings.json";
/** Exports that one process writes at a time: each holds a page in memory. */
const MOST_EXPORTS = 4;
/** A client that does not read a piece of so many bytes in so long gives its place to others. */
const PIECE_BYTES = 65_536;
const STALLED_MS = 30_000;

/**
 * `GET /export/<list>.csv` and `.ndjson`, with the arguments of the list as parameters; and the settings. The answer is
 * written as fast as it is read, a page at a time. It breaks off when it cannot go on, when nobody reads it for half a
 * minute, and when the caller's rights change: the client sees that the last chunk is missing. A client that leaves ends
 * it.
 */
export function addExportRoutes(
  app: FastifyInstance,
  parts: { exports: Exports; settingsFile: Pick<SettingsFileOperations, "write">; signalOf: Waits["signalOf"] },
): void {
  const { exports, settingsFile, signalOf } = parts;
  let running = 0;

  /** Answers with the texts that `open` gives, or with its error. */
  async function send(reply: FastifyReply, name: string, type: string, open: () => Promise<AsyncIterable<string>>) {
    if (running >= MOST_EXPORTS) {
      throw new DomainError("TOO_MANY_REQUESTS", `This process writes ${MOST_EXPORTS} exports at a time. Try again.`, {
        details: { maximum: MOST_EXPORTS },
      });
    }
    running += 1;
    let texts: AsyncIterable<string>;
    try {
      texts = await open();
    } catch (error) {
      running -= 1;
      throw error;
    }
    const [day] = new Date().toISOString().split("T");
    const [list, extension] = name.split(".");
    reply.type(type).header("content-disposition", `attachment; filename="isimud-${list}-${day}.${extension}"`);
    const stream = Readable.from(
      whileRead(texts, () => stream.destroy(new Error("Nobody reads the export."))),
      { objectMode: false },
    );
    const signal = signalOf(reply, reply.request.access);
    signal.addEventListener("abort", () => {
      if (signal.reason === RIGHTS_CHANGED) stream.destroy(RIGHTS_CHANGED);
    });
    // Also when nobody reads it to its end.
    stream.once("close", () => {
      running -= 1;
    });
    return reply.send(stream);
  }

  app.get<{ Params: { file: string } }>("/export/:file", { exposeHeadRoute: false }, async (request, reply) => {
    refuseOtherSites(request);
    const { file } = request.params;
    if (file === SETTINGS) {
      const project = parametersOf(request).get("project");
      return send(reply, file, "application/json; charset=utf-8", () =>
        begun(settingsFile.write(request.access, { project })),
      );
    }
    const dot = file.lastIndexOf(".");
    const [name, format] = [file.slice(0, dot), FORMATS[file.slice(dot + 1)]];
    if (dot < 1 || format === undefined) {
      const formats = Object.keys(FORMATS).join(" or .");
      throw new DomainError("NOT_FOUND", `An export is the name of a list and .${formats}, such as queues.csv.`);
    }
    const columns = exports.columns(name);
    return send(reply, file, format.type, async () => {
      const pages = await exports.rows(request.access, name, parametersOf(request));
      return written(pages, columns, format);
    });
  });
}

/** The texts in pieces. Calls `stalled` when nobody asks for the next one for STALLED_MS. */
async function* whileRead(texts: AsyncIterable<string>, stalled: () => void): AsyncGenerator<Buffer> {
  for await (const text of texts) {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const timer = setTimeout(stalled, STALLED_MS).unref();
      try {
        yield bytes.subarray(at, at + PIECE_BYTES);
      } finally {
        clearTimeout(timer);
      }
    }
  }
}

async function* written(
  pages: AsyncIterable<readonly ExportRow[]>,
  columns: readonly string[],
  format: Format,
): AsyncGenerator<string> {
  const head = format.head(columns);
  if (head !== "") yield head;
  for await (const rows of pages) {
    const text = rows.map((row) => format.row(row, columns)).join("");
    if (text !== "") yield text;
  }
}

function parametersOf({ raw }: FastifyRequest): URLSearchParams {
  const url = raw.url ?? "";
  return new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?")) : "");
}

/** Nobody reads it there, but a page of another site could keep the service busy with it. */
function refuseOtherSites({ headers, caller }: FastifyRequest): void {
  const site = headers["sec-fetch-site"];
  // One that CORS_ORIGINS allows asks with a token.
  if (caller?.foreignOrigin) return;
  if (site === undefined || site === "same-origin" || site === "none") return;
  throw new DomainError("FORBIDDEN", "This request came from a page of another site, which may not do that.");
}
