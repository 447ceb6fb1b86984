/**
 * The short way, for what programs send over and over: a POST of JSON. Apollo, which answers all else, hashes each
 * document, negotiates the media type twice and awaits a list of plugins at a dozen points: measured, a third of this
 * process' time for a request. Both ways give the same answer, byte for byte (`plain-requests.test.ts`).
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { GraphQLContext } from "../schema/context.ts";
import { answerText, headOf } from "./answer.ts";
import type { Documents } from "./documents.ts";
import type { Executor } from "./execute.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const RESPONSE_TYPE = "application/graphql-response+json; charset=utf-8";
/**
 * What the common clients accept, and the type that they get. Whoever asks in other words is answered by Apollo, which
 * reads them all.
 */
const TYPES: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, JSON_TYPE],
  ["*/*", JSON_TYPE],
  ["application/json", JSON_TYPE],
  ["application/graphql-response+json", RESPONSE_TYPE],
  ["application/graphql-response+json,application/json;q=0.9", RESPONSE_TYPE],
  ["application/graphql-response+json, application/json;q=0.9", RESPONSE_TYPE],
]);

export interface PlainRequests {
  /**
   * The answer; null for a request that is not of the plain kind: nothing ran, nothing was written, and it goes the
   * long way.
   */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    body: Record<string, unknown>,
    context: () => GraphQLContext,
  ): Promise<FastifyReply> | null;
}

export function createPlainRequests(parts: { documents: Documents; executor: Executor }): PlainRequests {
  const { documents, executor } = parts;
  return {
    answer(request, reply, body, context) {
      const { accept } = request.headers;
      const type = request.method === "POST" ? TYPES.get(accept) : undefined;
      const { query, operationName, variables, extensions } = body;
      if (
        type === undefined ||
        typeof query !== "string" ||
        query === "" ||
        (extensions !== undefined && extensions !== null)
      )
        return null;
      if (!isOptionalText(operationName) || !isOptionalObject(variables)) return null;
      return executor(documents.prepare({ query, operationName, variables }), context()).then((result) => {
        const { status, headers } = headOf(result, accept);
        reply.code(status).headers(headers);
        return reply.header("content-type", type).send(answerText(result));
      });
    },
  };
}

function isOptionalText(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}

function isOptionalObject(value: unknown): value is Record<string, unknown> | null | undefined {
  return value === undefined || value === null || (typeof value === "object" && !Array.isArray(value));
}
