/** The GraphQL server without a service, over operations that a test supplies. */

import Fastify from "fastify";
import type { Access } from "../../../server/access/access.ts";
import { type Limits, readConfig } from "../../../server/config.ts";
import type { OperationSeen } from "../../../server/graphql/http/observe.ts";
import { createGraphQLDoor, type GraphQLDoor } from "../../../server/graphql/http/server.ts";
import type { TrustedDocuments } from "../../../server/graphql/http/trusted-documents.ts";
import { answerError } from "../../../server/http/answer-errors.ts";
import type { Operations } from "../../../server/operations/operations.ts";
import { callerWith } from "../../support/access.ts";
import { createClient, type GraphQLClient } from "../client.ts";

export type SomeOperations = { [Noun in keyof Operations]?: Partial<Operations[Noun]> };

export interface OpenDoor extends GraphQLClient {
  executeAs: GraphQLDoor["executeAs"];
  /** What was logged as unexpected. */
  logged: { details: object; message: string }[];
  seen: OperationSeen[];
  close(): Promise<void>;
}

export const ADMIN: Access = callerWith("admin", "all", "tester");

export async function openDoor(
  operations: SomeOperations = {},
  limits: Partial<Limits> = {},
  accessOf: Parameters<typeof createGraphQLDoor>[0]["accessOf"] = () => ADMIN,
  trusted?: TrustedDocuments,
): Promise<OpenDoor> {
  const logged: OpenDoor["logged"] = [];
  const seen: OperationSeen[] = [];
  const allLimits = { ...readConfig({}), ...limits };
  const door = createGraphQLDoor({
    operations: { readOnly: { requireChanges: () => undefined }, ...operations } as Operations,
    limits: allLimits,
    log: { error: (details, message) => logged.push({ details, message }) },
    accessOf,
    explorerPath: "/graphql",
    ...(trusted === undefined ? {} : { trusted }),
    onOperation: (operation) => seen.push(operation),
  });
  const app = Fastify({ bodyLimit: allLimits.MAX_REQUEST_SIZE, forceCloseConnections: true });
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = answerError(error, request.id);
    return reply.code(status).send(body);
  });
  await app.register(door.routes, { prefix: "/api/graphql" });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    ...createClient(`${origin}/api/graphql`),
    executeAs: door.executeAs,
    logged,
    seen,
    close: () => app.close(),
  };
}
