/** Puts the nouns together. Each file adds its types, queries and mutations to the builder when it is imported. */
import "./scalars.ts";
import "../http/errors.ts";
import "../queues.ts";
import "../messages.ts";
import "../claims.ts";
import "../subscriptions.ts";
import "../projects.ts";
import "../pools.ts";
import "../pool-shares.ts";
import "../flavors.ts";
import "../catalogue.ts";
import "../jobs.ts";
import "../key-value-stores.ts";
import "../audit.ts";
import "../health.ts";
import "../health-history.ts";
import "../live.ts";
import {
  defaultFieldResolver,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isObjectType,
} from "graphql";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { RawJson } from "./json.ts";

export const schema = keepingOthersAnswers(countingLargeTexts(abandoningLateReads(builder.toSchema())));

/**
 * Mutations may be null, each beside its error: else one that fails would take the others' answers away, and what they
 * took from a queue with them.
 */
function keepingOthersAnswers(built: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(built.getMutationType()?.getFields() ?? {})) {
    field.type = getNullableType(field.type);
  }
  return built;
}

/**
 * Every field that reads is given up when its operation's time is over. Writes, which are the fields of mutations, end
 * as they end; and streams last. A field that only shows a member of its parent has nothing to give up, and there are
 * thousands of them in an answer. Neither has any of a message's: they read no store, and what was popped would be lost
 * with them.
 */
function abandoningLateReads(built: GraphQLSchema): GraphQLSchema {
  const notReads = new Set<unknown>([built.getMutationType(), built.getSubscriptionType(), built.getType("Message")]);
  for (const type of Object.values(built.getTypeMap())) {
    if (!isObjectType(type) || notReads.has(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      const { resolve, extensions } = field;
      if (resolve && extensions.pothosExposedField === undefined) field.resolve = abandonedWhenLate(resolve);
    }
  }
  return built;
}

/**
 * What clients store beside bodies may be large, and lists multiply it: each JSON value, and its text, counts as often
 * as it is written.
 */
function countingLargeTexts(built: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(built.getTypeMap())) {
    // Of messages their fields have counted the bodies.
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

type Resolver = GraphQLFieldResolver<unknown, GraphQLContext>;

function abandonedWhenLate(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const result = resolve(source, args, context, info);
    return result instanceof Promise ? context.time.unlessLate(result) : result;
  };
}
