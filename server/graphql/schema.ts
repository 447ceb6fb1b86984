/** Puts the nouns together. Each file adds its types, queries and mutations to the builder when it is imported. */
import "./scalars.ts";
import "./errors.ts";
import "./queues.ts";
import "./messages.ts";
import "./claims.ts";
import "./subscriptions.ts";
import "./projects.ts";
import "./pools.ts";
import "./flavors.ts";
import "./catalogue.ts";
import "./jobs.ts";
import "./key-value-stores.ts";
import "./audit.ts";
import "./health.ts";
import "./health-history.ts";
import "./live.ts";
import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from "graphql";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";

export const schema = abandoningLateReads(builder.toSchema());

/**
 * Every field that reads is given up when its operation's time is over. Writes, which are the fields of mutations, end as they end; and streams last.
 * A field that only shows a member of its parent has nothing to give up, and there are thousands of them in an answer.
 */
function abandoningLateReads(built: GraphQLSchema): GraphQLSchema {
  const notReads = new Set<unknown>([built.getMutationType(), built.getSubscriptionType()]);
  for (const type of Object.values(built.getTypeMap())) {
    if (!isObjectType(type) || notReads.has(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      const { resolve, extensions } = field;
      if (resolve && extensions.pothosExposedField === undefined) field.resolve = abandonedWhenLate(resolve);
    }
  }
  return built;
}

type Resolver = GraphQLFieldResolver<unknown, GraphQLContext>;

function abandonedWhenLate(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const result = resolve(source, args, context, info);
    return result instanceof Promise ? context.time.unlessLate(result) : result;
  };
}
