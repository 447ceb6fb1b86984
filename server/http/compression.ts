/** Compresses long answers of the API, for clients that accept it, outside of the event loop. */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";

/** Characters. Shorter answers are sent as they are: compressing them costs more than sending them. */
const SHORTEST = 1024;
/** Characters of all answers that are being compressed at a time: those of the longest answer. */
const MOST_AT_ONCE = 16 * 1_048_576;

type Encoding = "br" | "gzip";

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

/** Low levels: higher ones take two to four times as long and save a tenth (docs/decisions.md). */
const COMPRESS: Record<Encoding, (text: Buffer) => Promise<Buffer>> = {
  br: (text) =>
    brotli(text, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 3,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
      },
    }),
  gzip: (text) => gzipped(text, { level: 3 }),
};

/**
 * A hook that is called before an answer is sent. Streams of events pass as they are, because a compressor would keep
 * their events back. So does an answer with which more than `mostAtOnce` characters would be compressed at a time,
 * unless it is the only one.
 */
export function createCompression(mostAtOnce = MOST_AT_ONCE) {
  let compressing = 0;
  return function compress(
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
    done: (error?: Error | null, payload?: unknown) => void,
  ): void {
    if (typeof payload !== "string" || payload.length < SHORTEST || reply.hasHeader("content-encoding")) {
      done(null, payload);
      return;
    }
    const vary = reply.getHeader("vary");
    reply.header("vary", vary === undefined ? "accept-encoding" : `${vary}, accept-encoding`);
    const encoding = acceptedEncoding(request.headers["accept-encoding"]);
    const { length } = payload;
    if (encoding === null || (compressing > 0 && compressing + length > mostAtOnce)) {
      done(null, payload);
      return;
    }
    compressing += length;
    COMPRESS[encoding](Buffer.from(payload))
      .then((compressed) => {
        reply.header("content-encoding", encoding).header("content-length", compressed.length);
        return compressed;
      })
      // Without memory for it: as it is.
      .catch(() => payload)
      .then((text) => {
        compressing -= length;
        done(null, text);
      });
  };
}

/** The better one of those that the header accepts; of equal ones Brotli. Null: none. */
export function acceptedEncoding(header: string | string[] | undefined): Encoding | null {
  if (header === undefined) return null;
  const weights = new Map<string, number>();
  for (const part of String(header).split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const weight = quality === undefined ? 1 : Number(quality);
    weights.set(name, Number.isNaN(weight) ? 0 : weight);
  }
  const any = weights.get("*") ?? 0;
  const [br, gz] = [weights.get("br") ?? any, weights.get("gzip") ?? weights.get("x-gzip") ?? any];
  if (br === 0 && gz === 0) return null;
  return br >= gz ? "br" : "gzip";
}
