/** The schema. Each imported file adds its types, queries and mutations to the builder. */
import "./scalars.ts";
import "../http/mask-errors.ts";
import "./node.ts";
import "../queues.ts";
import "../messages.ts";
import "../message-search.ts";
import "../message-lives.ts";
import "../many-posts.ts";
import "../claims.ts";
import "../claim-search.ts";
import "../consumers.ts";
import "../pauses.ts";
import "../subscriptions.ts";
import "../projects.ts";
import "../body-rules.ts";
import "../pools.ts";
import "../pool-shares.ts";
import "../flavors.ts";
import "../catalogue.ts";
import "../jobs.ts";
import "../job-requests.ts";
import "../dry-runs.ts";
import "../pool-placement.ts";
import "../key-value-stores.ts";
import "../key-value-locks.ts";
import "../tokens.ts";
import "../audit.ts";
import "../people.ts";
import "../sessions.ts";
import "../viewer.ts";
import "../health.ts";
import "../health-history.ts";
import "../samples.ts";
import "../problems.ts";
import "../explanations.ts";
import "../undo.ts";
import "../read-only.ts";
import "../settings-file.ts";
import "../live.ts";
import "../verdicts.ts";
import {
  DirectiveLocation,
  defaultFieldResolver,
  GraphQLDirective,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isNonNullType,
  isObjectType,
  specifiedDirectives,
} from "graphql";
import type { Action } from "../../access/needs.ts";
import { type DomainError, isRefusal } from "../../errors.ts";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { RawJson } from "./json.ts";
import { asWritten } from "./json-input.ts";

/**
 * GraphQL's own directives, in the locations of the specification of October 2021. Clients that know no others, such as
 * graphql-core 3.2, cannot build a schema from an introspection that names more.
 */
const directives = specifiedDirectives.map((directive) => {
  const { locations, ...config } = directive.toConfig();
  const known = locations.filter((location) => location !== DirectiveLocation.DIRECTIVE_DEFINITION);
  return new GraphQLDirective({ ...config, locations: known });
});

/** Queries that show only the request and the settings. */
const CANNOT_FAIL: ReadonlySet<string> = new Set(["viewer", "limits"]);

const STEPS = [withAbandonedLateReads, withCountedTexts, withNullableRoots, withMutationRules];

export const schema = STEPS.reduce((built, step) => step(built), builder.toSchema({ directives }));

/**
 * Makes queries and mutations nullable. Otherwise one that fails, because of a bad argument perhaps, would remove all
 * others from the answer, and with them the messages that a mutation took from a queue.
 */
function withNullableRoots(built: GraphQLSchema): GraphQLSchema {
  for (const root of [built.getQueryType(), built.getMutationType()]) {
    for (const field of Object.values(root?.getFields() ?? {})) {
      if (!CANNOT_FAIL.has(field.name)) field.type = getNullableType(field.type);
    }
  }
  return built;
}

/**
 * What surrounds every mutation. While the service is read-only, or once the rights of its caller have changed, it is
 * refused before anything of it runs. It gets the reason that its input gives. A refused one is written into the audit
 * log. Errors name JSON in the input as the caller wrote it.
 *
 * One function, because each that awaits another costs time, also for the mutations that come thousands of times a
 * second.
 */
function withMutationRules(built: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(built.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve as Resolver;
    field.resolve = async (source, args, context, info) => {
      const input = args.input as Readonly<Record<string, unknown>>;
      let because = context;
      try {
        because = context.because(input.reason as string | null | undefined);
        because.requireRights();
        const asked = because.operations.readOnly.requireChanges(info.fieldName);
        if (asked !== undefined) await asked;
        return await resolve(source, args, because, info);
      } catch (error) {
        if (isRefusal(error)) await noteRefusal(error, input, because, info.fieldName);
        throw asWritten(error, input);
      }
    };
  }
  return built;
}

function noteRefusal(
  error: DomainError,
  input: Readonly<Record<string, unknown>>,
  { access, audit }: GraphQLContext,
  mutation: string,
): Promise<void> {
  const target = SUBJECTS.map((name) => input[name]).find((name) => typeof name === "string");
  return audit.noteRefusal(access, {
    action: mutation as Action,
    project: (input.project ?? null) as string | null,
    target: String(target ?? "*"),
    error,
  });
}

/**
 * Abandons every field that reads when the time of its operation is over. Exceptions: mutations, because a write runs
 * to its end; streams, which have no deadline; fields that only show a property of their parent, of which an answer has
 * thousands; and fields of a message that are never null, which read no store: abandoning them would lose a popped
 * message.
 */
function withAbandonedLateReads(built: GraphQLSchema): GraphQLSchema {
  const excluded = new Set<unknown>([built.getMutationType(), built.getSubscriptionType()]);
  for (const type of Object.values(built.getTypeMap())) {
    if (!isObjectType(type) || excluded.has(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      const { resolve, extensions } = field;
      if (!resolve || extensions.pothosExposedField !== undefined) continue;
      if (type.name === "Message" && isNonNullType(field.type)) continue;
      field.resolve = abandonedWhenLate(resolve);
    }
  }
  return built;
}

/**
 * Counts each JSON value and its text against the answer's budget, as often as it is written: values other than bodies
 * may be large too, and lists multiply them.
 */
function withCountedTexts(built: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(built.getTypeMap())) {
    // The fields that return messages have counted their bodies.
    if (!isObjectType(type) || type.name === "Message") continue;
    for (const field of Object.values(type.getFields())) {
      const isText = field.name.endsWith("Text") && getNamedType(field.type).name === "String";
      if (isText || getNamedType(field.type).name === "JSON") {
        field.resolve = countedText(field.resolve ?? defaultFieldResolver);
      }
    }
  }
  return built;
}

function countedText(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const value: unknown = resolve(source, args, context, info);
    if (value instanceof RawJson) context.answer.countText(value.text);
    else if (typeof value === "string") context.answer.countText(value);
    return value;
  };
}

/** What a mutation may be about, by the names of its input. */
const SUBJECTS = ["queue", "flavor", "pool", "store", "name", "id"];

type Resolver = GraphQLFieldResolver<unknown, GraphQLContext>;

function abandonedWhenLate(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const result = resolve(source, args, context, info);
    return result instanceof Promise ? context.time.unlessLate(result) : result;
  };
}
