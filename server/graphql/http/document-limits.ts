/**
 * Limits on documents. Each document is measured once, before GraphQL's own rules see it, because some of these take
 * time that grows with the square of a document. All work here is bounded by the number of tokens, or stops at a limit.
 */
import {
  __Schema,
  __Type,
  type ArgumentNode,
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLEnumType,
  GraphQLError,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  type SelectionSetNode,
  Source,
  TokenKind,
  type ValueNode,
} from "graphql";
import type { Limits } from "../../config.ts";
import { limitDetails, REQUEST_LIMITS, type RequestLimit } from "./request-limits.ts";

const {
  maxDocumentLength,
  maxDocumentTokens,
  maxDocumentNesting,
  maxDefinitions,
  maxSelections,
  maxFieldPairs,
  maxDepth,
  maxAliases,
  maxDirectives,
  maxCost,
  maxIntrospectionCost,
} = REQUEST_LIMITS;
/** Approximate lengths of the lists of introspection. */
const INTROSPECTION_LISTS: Readonly<Record<string, number>> = {
  fields: 10,
  inputFields: 10,
  enumValues: 10,
  args: 3,
  possibleTypes: 3,
  interfaces: 3,
};

/** The types of the introspection fields of the query root. */
const META_FIELDS: Readonly<Record<string, GraphQLNamedType>> = { __schema: __Schema, __type: __Type };

/** The fields of one object in the answer, by their name there. */
type AnswerFields = Map<string, AnswerField>;
interface AnswerField {
  /** How many fields of the document share this position. */
  count: number;
  below: AnswerFields;
}

/** What an operation costs, and what one may cost. */
export interface Cost {
  requested: number;
  maximum: number;
}

/** What a field declares. */
interface FieldCost {
  field?: number;
  multiplier?: number;
}

/** What surrounds a selection. */
interface Surroundings {
  type: GraphQLNamedType | undefined;
  siblings: AnswerFields;
  depth: number;
  /** Product of the lengths of all pages around it. */
  rows: number;
}

/** `value`: the number that passed the limit, if it is known. Counting to the end has a price. */
function tooMuch(limit: RequestLimit, reason: string, value?: number): GraphQLError {
  return new GraphQLError(`This operation asks for too much. ${reason}`, {
    extensions: { details: limitDetails(limit, value) },
  });
}

/** The operation costs too much. Its whole cost is known. */
export class TooCostly extends GraphQLError {
  readonly cost: Cost;

  constructor(requested: number) {
    const message = `This operation asks for too much. It costs ${requested}; ${maxCost} are allowed. Ask for shorter pages or fewer fields.`;
    super(message, { extensions: { details: limitDetails("maxCost", requested) } });
    this.cost = { requested, maximum: maxCost };
  }
}

/** Throws a GraphQLError for a text that is too long or nests too deeply, or that GraphQL's lexer refuses. */
export function measureText(text: string): void {
  if (text.length > maxDocumentLength) {
    throw tooMuch(
      "maxDocumentLength",
      `Its document has ${text.length} characters; ${maxDocumentLength} are allowed. Long values belong into variables.`,
      text.length,
    );
  }
  const lexer = new Lexer(new Source(text));
  let depth = 0;
  for (let tokens = 0; ; tokens++) {
    const { kind } = lexer.advance();
    if (kind === TokenKind.EOF) return;
    if (tokens >= maxDocumentTokens) {
      throw tooMuch(
        "maxDocumentTokens",
        `Its document has more than ${maxDocumentTokens} tokens. Long lists belong into variables.`,
      );
    }
    if (kind === TokenKind.BRACE_L || kind === TokenKind.BRACKET_L || kind === TokenKind.PAREN_L) depth++;
    else if (kind === TokenKind.BRACE_R || kind === TokenKind.BRACKET_R || kind === TokenKind.PAREN_R) depth--;
    if (depth > maxDocumentNesting) {
      throw tooMuch("maxDocumentNesting", `Its document nests more than ${maxDocumentNesting} brackets.`);
    }
  }
}

/** What each operation of a document costs. */
export type Costs = ReadonlyMap<OperationDefinitionNode, Cost>;

/**
 * Throws a GraphQLError for a document that asks for too much, TooCostly if it is only the cost. `limits` has the
 * length of the longest page, as which a variable counts.
 */
export function measureDocument(schema: GraphQLSchema, document: DocumentNode, limits: Limits): Costs {
  if (document.definitions.length > maxDefinitions) {
    throw tooMuch(
      "maxDefinitions",
      `Its document has more than ${maxDefinitions} operations and fragments.`,
      document.definitions.length,
    );
  }
  return new Measurer(schema, document, limits).measure();
}

/** Follows each operation through all of its fragments. GraphQL's own rules report invalid ones. */
class Measurer {
  readonly #schema: GraphQLSchema;
  readonly #limits: Limits;
  readonly #definitions: readonly DefinitionNode[];
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** Fragments that are being followed, because one that spreads itself would never end. */
  readonly #inside = new Set<string>();
  #selections = 0;
  #samePosition = 0;
  // The following count for one operation.
  #aliases = 0;
  #directives = 0;
  #cost = 0;
  #introspection = 0;

  constructor(schema: GraphQLSchema, document: DocumentNode, limits: Limits) {
    this.#schema = schema;
    this.#limits = limits;
    this.#definitions = document.definitions;
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
    }
  }

  measure(): Costs {
    const costs = new Map<OperationDefinitionNode, Cost>();
    for (const definition of this.#definitions) {
      // Fragments too: GraphQL's rules also check those that nobody spreads.
      if (definition.kind === Kind.OPERATION_DEFINITION) {
        const type = this.#schema.getRootType(definition.operation) ?? undefined;
        const requested = this.#measureRoot(definition.selectionSet, type);
        costs.set(definition, { requested, maximum: maxCost });
      } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
        this.#measureRoot(definition.selectionSet, this.#schema.getType(definition.typeCondition.name.value));
      }
    }
    return costs;
  }

  /** Returns the cost. */
  #measureRoot(selectionSet: SelectionSetNode, type: GraphQLNamedType | undefined): number {
    this.#aliases = 0;
    this.#directives = 0;
    this.#cost = 0;
    this.#introspection = 0;
    this.#selectionSet(selectionSet, { type, siblings: new Map(), depth: 1, rows: 1 });
    // The work of measuring has other limits, so a document that costs too much is measured to its end.
    const cost = Math.min(this.#cost, Number.MAX_SAFE_INTEGER);
    if (cost > maxCost) throw new TooCostly(cost);
    return cost;
  }

  #selectionSet(selectionSet: SelectionSetNode, where: Surroundings): void {
    for (const selection of selectionSet.selections) {
      this.#selections++;
      if (this.#selections > maxSelections) {
        throw tooMuch(
          "maxSelections",
          `It selects more than ${maxSelections} fields, each use of a fragment counted anew.`,
        );
      }
      this.#directives += selection.directives?.length ?? 0;
      if (this.#directives > maxDirectives) {
        throw tooMuch("maxDirectives", `It uses more than ${maxDirectives} directives.`);
      }
      if (selection.kind === Kind.FIELD) this.#field(selection, where);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) this.#spread(selection.name.value, where);
      else {
        const condition = selection.typeCondition;
        const type = condition ? this.#schema.getType(condition.name.value) : where.type;
        this.#selectionSet(selection.selectionSet, { ...where, type });
      }
    }
  }

  #spread(name: string, where: Surroundings): void {
    const fragment = this.#fragments.get(name);
    if (!fragment || this.#inside.has(name)) return;
    this.#inside.add(name);
    this.#selectionSet(fragment.selectionSet, {
      ...where,
      type: this.#schema.getType(fragment.typeCondition.name.value),
    });
    this.#inside.delete(name);
  }

  #field(node: FieldNode, where: Surroundings): void {
    const { name, alias } = node;
    if (alias && alias.value !== name.value) this.#aliases++;
    if (this.#aliases > maxAliases) throw tooMuch("maxAliases", `It uses more than ${maxAliases} aliases.`);
    const below = this.#position(alias?.value ?? name.value, where.siblings);
    const inIntrospection = name.value.startsWith("__") || where.type?.name.startsWith("__") === true;
    // A rule of GraphQL limits the depth of introspection.
    if (!inIntrospection && where.depth > maxDepth) {
      throw tooMuch("maxDepth", `It nests more than ${maxDepth} fields.`);
    }
    const field =
      isObjectType(where.type) || isInterfaceType(where.type) ? where.type.getFields()[name.value] : undefined;
    const { field: own = 1, multiplier = 1 } = inIntrospection
      ? { multiplier: INTROSPECTION_LISTS[name.value] }
      : this.#costOf(field, node.arguments ?? []);
    if (inIntrospection) this.#introspection += where.rows;
    else this.#cost += where.rows * own;
    if (this.#introspection > maxIntrospectionCost) {
      throw tooMuch("maxIntrospectionCost", "It asks for too much of the schema's description. Ask for less, or once.");
    }
    if (!node.selectionSet) return;
    this.#selectionSet(node.selectionSet, {
      type: field ? getNamedType(field.type) : META_FIELDS[name.value],
      siblings: below,
      depth: where.depth + 1,
      rows: where.rows * Math.max(0, multiplier),
    });
  }

  /** Counts a field of this name among its siblings, and returns the fields below it. */
  #position(name: string, siblings: AnswerFields): AnswerFields {
    let field = siblings.get(name);
    if (field === undefined) {
      field = { count: 0, below: new Map() };
      siblings.set(name, field);
    }
    this.#samePosition += field.count;
    field.count++;
    if (this.#samePosition > maxFieldPairs) {
      throw tooMuch("maxFieldPairs", "It asks for the same fields too many times. Ask for each once.");
    }
    return field.below;
  }

  #costOf(field: GraphQLField<unknown, unknown> | undefined, given: readonly ArgumentNode[]): FieldCost {
    const complexity = field?.extensions.complexity as
      | number
      | FieldCost
      | ((args: Record<string, unknown>) => number | FieldCost)
      | undefined;
    const cost = typeof complexity === "function" ? complexity(this.#argumentsOf(field, given)) : complexity;
    return typeof cost === "number" ? { field: cost } : (cost ?? {});
  }

  /** The arguments as cost functions see them: numbers, values of enums, and lists with only their length. */
  #argumentsOf(field: GraphQLField<unknown, unknown> | undefined, given: readonly ArgumentNode[]) {
    const values: Record<string, unknown> = {};
    for (const { name, type } of field?.args ?? []) {
      const node = given.find((argument) => argument.name.value === name)?.value;
      const wanted = getNullableType(type);
      if (isListType(wanted)) values[name] = { length: this.#lengthOf(node) };
      else if (isInputObjectType(wanted)) values[name] = membersOf(wanted, node);
      else if (isEnumType(wanted)) values[name] = enumValueOf(wanted, node);
      else values[name] = this.#numberOf(node);
    }
    if ("first" in values && values.first === undefined && values.last === undefined) {
      values.first = this.#limits.DEFAULT_PAGE_SIZE;
    }
    return values;
  }

  // A variable may have any value, so it counts as the maximum that operations accept.
  #numberOf(node: ValueNode | undefined): number | undefined {
    if (node?.kind === Kind.VARIABLE) return this.#limits.MAX_PAGE_SIZE;
    return node?.kind === Kind.INT ? Number(node.value) : undefined;
  }

  #lengthOf(node: ValueNode | undefined): number {
    if (node?.kind === Kind.VARIABLE) return this.#limits.MAX_PAGE_SIZE;
    return node?.kind === Kind.LIST ? node.values.length : 1;
  }
}

/** What cost functions get for a variable in an input object or of an enum: it may have any value. */
export const ANY_VALUE = Symbol("any value");

/** The numbers and values of enums of an input object, with their defaults. Undefined when it is left out. */
function membersOf(type: GraphQLInputObjectType, node: ValueNode | undefined) {
  if (node?.kind === Kind.VARIABLE) return ANY_VALUE;
  if (node?.kind !== Kind.OBJECT) return undefined;
  return Object.fromEntries(
    Object.values(type.getFields()).map(({ name, type: of, defaultValue }) => {
      const value = node.fields.find((one) => one.name.value === name)?.value;
      const wanted = getNullableType(of);
      if (value === undefined) return [name, defaultValue];
      if (isEnumType(wanted)) return [name, enumValueOf(wanted, value)];
      return [name, value.kind === Kind.INT ? Number(value.value) : ANY_VALUE];
    }),
  );
}

function enumValueOf(type: GraphQLEnumType, node: ValueNode | undefined): unknown {
  if (node?.kind === Kind.VARIABLE) return ANY_VALUE;
  return node?.kind === Kind.ENUM ? type.getValue(node.value)?.value : undefined;
}
