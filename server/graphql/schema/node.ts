/**
 * Nodes: objects with an id that is unique among all objects of the service, always the same, and enough to read the
 * object again. Caches of clients know objects by it.
 *
 * An id is the type's name and the object's own names, percent-encoded. Clients must not rely on that.
 */

import { brandWithType } from "@pothos/core";
import { DomainError } from "../../errors.ts";
import { checkBatch } from "../../operations/input/limits.ts";
import { builder } from "./builder.ts";
import { ASKING_THE_STORE } from "./connection.ts";
import type { GraphQLContext } from "./context.ts";

/** What identifies an object among those of its type, such as a queue's project and name. */
type Key = readonly string[];

interface NodeKind<T> {
  /** How many texts a key of this type has. */
  length: number;
  key: (node: T) => Key;
  /**
   * Reads many with one statement, in the order asked; null for what does not exist, what the caller may not see, and
   * what nothing can be named. At most MAX_PAGE_SIZE.
   */
  load: (keys: readonly Key[], context: GraphQLContext) => Promise<readonly (T | null)[]>;
}

/** What this file needs of each kind, by the name of its type. */
const kinds = new Map<string, Pick<NodeKind<object>, "length" | "load">>();

const ID =
  "Its id: unique among all objects of the service and always the same. It is for comparing and for reading the object again; do not take it apart.";

export const NodeType = builder.interfaceRef<object>("Node").implement({
  description: "An object with an id of its own, by which `node` and `nodes` read it again.",
  fields: (t) => ({ id: t.id({ description: ID }) }),
});

/** Declares a type as a node. Returns the options of its field `id`; its `interfaces` must include NodeType. */
export function nodeId<T extends object>(type: string, kind: NodeKind<T>) {
  kinds.set(type, { length: kind.length, load: kind.load });
  return { description: ID, resolve: (node: T) => writeNodeId(type, kind.key(node)) };
}

export function writeNodeId(type: string, key: Key): string {
  return `${type}:${key.map(encodeURIComponent).join("/")}`;
}

/** The key of an object of this type. Null for a text that writeNodeId did not write for it. */
export function readNodeId(type: string, id: string): Key | null {
  if (!id.startsWith(`${type}:`)) return null;
  const parts = id.slice(type.length + 1).split("/");
  try {
    const key = parts.map(decodeURIComponent);
    // An object has only one id, so another spelling of it is none.
    return key.length === kinds.get(type)?.length && writeNodeId(type, key) === id ? key : null;
  } catch {
    return null;
  }
}

type Loaded = object | null | Error;

/** In the order of `ids`: null for what cannot be read by this caller, the error for what failed. */
async function loadNodes(ids: readonly string[], context: GraphQLContext): Promise<Loaded[]> {
  const wanted = new Map<string, Map<string, Key>>();
  for (const id of ids) {
    const type = id.slice(0, Math.max(0, id.indexOf(":")));
    const key = kinds.has(type) ? readNodeId(type, id) : null;
    if (key === null) continue;
    const ofType = wanted.get(type) ?? new Map<string, Key>();
    wanted.set(type, ofType.set(id, key));
  }
  const found = new Map<string, Loaded>();
  await Promise.all(
    [...wanted].map(async ([type, keys]) => {
      const nodes = await loadOfType(type, [...keys.values()], context);
      [...keys.keys()].forEach((id, index) => void found.set(id, nodes[index] ?? null));
    }),
  );
  return ids.map((id) => found.get(id) ?? null);
}

/** One type that fails, such as one whose store does not answer, leaves the others. */
async function loadOfType(type: string, keys: readonly Key[], context: GraphQLContext): Promise<readonly Loaded[]> {
  try {
    const nodes: readonly Loaded[] = (await kinds.get(type)?.load(keys, context)) ?? [];
    for (const node of nodes) brandWithType(node, type as never);
    return nodes;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return keys.map(() => error);
  }
}

builder.queryFields((t) => ({
  node: t.field({
    type: NodeType,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: "The object's id." }) },
    complexity: ASKING_THE_STORE,
    description:
      "The object with this id; null when it does not exist, when you may not see it, and for any other text.",
    resolve: async (_root, { id }, context) => {
      const [node = null] = await loadNodes([id], context);
      if (node instanceof Error) throw node;
      return node;
    },
  }),
  nodes: t.field({
    type: [NodeType],
    nullable: { list: false, items: true },
    args: {
      ids: t.arg.idList({ required: true, description: "The objects' ids, at most as many as a page has rows." }),
    },
    complexity: ({ ids }) => ({ field: ASKING_THE_STORE, multiplier: ids.length }),
    description:
      "The objects with these ids, in the given order: null for each that `node` has null for. All of one type cost one statement; values of key-value stores one for each store.",
    resolve: (_root, { ids }, context) => loadNodes(checkBatch(context.limits, "ids", ids), context),
  }),
}));
