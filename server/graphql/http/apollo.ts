/**
 * Apollo implements GraphQL over HTTP in all its variants. Documents are prepared and run as on every other way in.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  ApolloServer,
  type ApolloServerPlugin,
  type GraphQLRequestContextDidResolveSource,
  HeaderMap,
  type HTTPGraphQLRequest,
  type HTTPGraphQLResponse,
} from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import { type DocumentNode, parse } from "graphql";
import type { GraphQLContext } from "../schema/context.ts";
import { schema } from "../schema/schema.ts";
import { type Answered, answerText, headOf } from "./answer.ts";
import type { Documents, Prepared } from "./documents.ts";
import type { Executor } from "./execute.ts";
import { type ErrorLog, maskError } from "./mask-errors.ts";
import { type OnOperation, secondsSince } from "./observe.ts";

interface Parts {
  documents: Documents;
  executor: Executor;
  log: ErrorLog;
  onOperation: OnOperation;
}

/** Replaces a document that was refused: Apollo parses and validates if it has none. */
const NO_DOCUMENT = parse("{ __typename }");

export interface Apollo {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `context` is called once it is known that there is something to run. */
  answer(request: HTTPGraphQLRequest, requestId: string, context: () => GraphQLContext): Promise<HTTPGraphQLResponse>;
}

export function createApollo({ documents, executor, log, onOperation }: Parts): Apollo {
  /** The id of the request that is answered. */
  const answering = new AsyncLocalStorage<string>();
  const plugin: ApolloServerPlugin<GraphQLContext> = {
    requestDidStart: async () => {
      const begun = performance.now();
      let prepared: Prepared | undefined;
      let answered = false;
      return {
        didResolveSource: async (context) => {
          const { operationName, variables } = context.request;
          prepared = documents.prepare({ query: context.source, operationName, variables });
          giveDocument(context, prepared.document ?? NO_DOCUMENT);
        },
        responseForOperation: async ({ contextValue, request }) => {
          answered = true;
          const result = await executor(prepared as Prepared, contextValue);
          const { status, headers } = headOf(result, request.http?.headers.get("accept"));
          // The errors are masked already. Apollo only passes them on.
          return {
            body: { kind: "single", singleResult: { ...result } },
            http: { status, headers: new HeaderMap(Object.entries(headers)) },
          };
        },
        willSendResponse: async ({ operation }) => {
          if (answered) return;
          onOperation({ type: operation?.operation ?? "unknown", outcome: "error" }, secondsSince(begun));
        },
      };
    },
  };
  const server = new ApolloServer<GraphQLContext>({
    schema,
    // Without the first plugin Apollo would wrap every resolver.
    plugins: [ApolloServerPluginCacheControlDisabled(), plugin],
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    persistedQueries: false,
    documentStore: null,
    nodeEnv: "production",
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (message) => log.error({}, String(message)) },
    // For requests that never came to an operation.
    formatError: (_formatted, error) =>
      maskError(error, { log, requestId: answering.getStore() ?? "", changes: false }),
    stringifyResult: (result) => answerText(result as Answered),
  });
  return {
    start: () => server.start(),
    stop: () => server.stop(),
    answer: (httpGraphQLRequest, requestId, context) =>
      answering.run(requestId, () =>
        server.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => context() }),
      ),
  };
}

/** Apollo declares this member read-only, but uses a document that it finds there as parsed and validated. */
function giveDocument(context: GraphQLRequestContextDidResolveSource<GraphQLContext>, document: DocumentNode): void {
  (context as { document?: DocumentNode }).document = document;
}
