/**
 * What a document may ask for. Each is measured once, before GraphQL's own rules see it: some of these take time that
 * grows with the square of a document. Everything here is bounded by the number of tokens, or ends as soon as a bound
 * is passed.
 */
import {
  __Schema,
  __Type,
  type ArgumentNode,
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  Lexer,
  type SelectionSetNode,
  Source,
  TokenKind,
  type ValueNode,
} from "graphql";
import type { Limits } from "../../config.ts";

/** Of the text, in characters. */
const MAX_LENGTH = 262_144;
/** Of the text: a lexer's tokens. Long lists belong into variables, which this does not count. */
const MAX_TOKENS = 4000;
/** Brackets of any kind inside one another: a literal's too. */
const MAX_NESTING = 300;
/** Operations and fragments. GraphQL's rules compare every two fragments that meet. */
const MAX_DEFINITIONS = 100;
/** Fields and spreads, each spread of a fragment counted anew. */
const MAX_SELECTIONS = 1000;
/**
 * Pairs of fields that have one place in the answer, which GraphQL's rules compare: 200 times the same one are 19,900
 * pairs.
 */
const MAX_SAME_PLACE = 20_000;
/** Fields inside fields. */
const MAX_DEPTH = 12;
/** Fields with another name than their own. */
const MAX_ALIASES = 30;
const MAX_DIRECTIVES = 50;
/** A field costs one or what it says, a page its rows times what is selected of each. */
const MAX_COST = 10_000;
/**
 * The same of the schema's own description, per type of the schema: what explorers and generators ask for costs about
 * 1,500.
 */
const MAX_INTROSPECTION = 5000;
/** About how long the lists in the schema's description are. */
const INTROSPECTION_LISTS: Readonly<Record<string, number>> = {
  fields: 10,
  inputFields: 10,
  enumValues: 10,
  args: 3,
  possibleTypes: 3,
  interfaces: 3,
};

/** What the fields that every type has without declaring them give. */
const META_FIELDS: Readonly<Record<string, GraphQLNamedType>> = { __schema: __Schema, __type: __Type };

/** Fields by their name in the answer, below one place in it. */
type Places = Map<string, Place>;
interface Place {
  fields: number;
  below: Places;
}

interface Cost {
  field?: number;
  multiplier?: number;
}

/** Where a selection stands. */
interface Where {
  type: GraphQLNamedType | undefined;
  places: Places;
  depth: number;
  /** How many rows come from all pages around it. */
  rows: number;
}

function tooMuch(reason: string): GraphQLError {
  return new GraphQLError(`This operation asks for too much. ${reason}`);
}

/**
 * Throws a GraphQLError for a text that is too long or nests too deeply to be parsed, or that GraphQL's lexer does not
 * understand.
 */
export function measureText(text: string): void {
  if (text.length > MAX_LENGTH) {
    throw tooMuch(
      `Its document has ${text.length} characters; ${MAX_LENGTH} are allowed. Long values belong into variables.`,
    );
  }
  const lexer = new Lexer(new Source(text));
  let depth = 0;
  for (let tokens = 0; ; tokens++) {
    const { kind } = lexer.advance();
    if (kind === TokenKind.EOF) return;
    if (tokens >= MAX_TOKENS) {
      throw tooMuch(`Its document has more than ${MAX_TOKENS} tokens. Long lists belong into variables.`);
    }
    if (kind === TokenKind.BRACE_L || kind === TokenKind.BRACKET_L || kind === TokenKind.PAREN_L) depth++;
    else if (kind === TokenKind.BRACE_R || kind === TokenKind.BRACKET_R || kind === TokenKind.PAREN_R) depth--;
    if (depth > MAX_NESTING) throw tooMuch(`Its document nests more than ${MAX_NESTING} brackets.`);
  }
}

/**
 * Throws a GraphQLError for a document that asks for too much. `limits` says how long the longest page is: a variable
 * counts as that.
 */
export function measureDocument(schema: GraphQLSchema, document: DocumentNode, limits: Limits): void {
  if (document.definitions.length > MAX_DEFINITIONS) {
    throw tooMuch(`Its document has more than ${MAX_DEFINITIONS} operations and fragments.`);
  }
  new Measurer(schema, document, limits).measure();
}

/** Follows each operation through all of its fragments. What is wrong with them is left to GraphQL's own rules. */
class Measurer {
  readonly #schema: GraphQLSchema;
  readonly #limits: Limits;
  readonly #definitions: readonly DefinitionNode[];
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  /** Fragments that are being followed: one that spreads itself would have no end. */
  readonly #inside = new Set<string>();
  #selections = 0;
  #samePlace = 0;
  // Of one operation.
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

  measure(): void {
    for (const definition of this.#definitions) {
      // Fragments too: GraphQL's rules look into those that nobody spreads.
      if (definition.kind === Kind.OPERATION_DEFINITION) {
        this.#measureRoot(definition.selectionSet, this.#schema.getRootType(definition.operation) ?? undefined);
      } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
        this.#measureRoot(definition.selectionSet, this.#schema.getType(definition.typeCondition.name.value));
      }
    }
  }

  #measureRoot(selectionSet: SelectionSetNode, type: GraphQLNamedType | undefined): void {
    this.#aliases = 0;
    this.#directives = 0;
    this.#cost = 0;
    this.#introspection = 0;
    this.#selectionSet(selectionSet, { type, places: new Map(), depth: 1, rows: 1 });
  }

  #selectionSet(selectionSet: SelectionSetNode, where: Where): void {
    for (const selection of selectionSet.selections) {
      this.#selections++;
      if (this.#selections > MAX_SELECTIONS) {
        throw tooMuch(`It selects more than ${MAX_SELECTIONS} fields, each use of a fragment counted anew.`);
      }
      this.#directives += selection.directives?.length ?? 0;
      if (this.#directives > MAX_DIRECTIVES) throw tooMuch(`It uses more than ${MAX_DIRECTIVES} directives.`);
      if (selection.kind === Kind.FIELD) this.#field(selection, where);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) this.#spread(selection.name.value, where);
      else {
        const condition = selection.typeCondition;
        const type = condition ? this.#schema.getType(condition.name.value) : where.type;
        this.#selectionSet(selection.selectionSet, { ...where, type });
      }
    }
  }

  #spread(name: string, where: Where): void {
    const fragment = this.#fragments.get(name);
    if (!fragment || this.#inside.has(name)) return;
    this.#inside.add(name);
    this.#selectionSet(fragment.selectionSet, {
      ...where,
      type: this.#schema.getType(fragment.typeCondition.name.value),
    });
    this.#inside.delete(name);
  }

  #field(node: FieldNode, where: Where): void {
    const { name, alias } = node;
    if (alias && alias.value !== name.value) this.#aliases++;
    if (this.#aliases > MAX_ALIASES) throw tooMuch(`It uses more than ${MAX_ALIASES} aliases.`);
    const below = this.#place(alias?.value ?? name.value, where.places);
    const inIntrospection = name.value.startsWith("__") || where.type?.name.startsWith("__") === true;
    // GraphQL's own rule bounds how deep the schema's description is asked for.
    if (!inIntrospection && where.depth > MAX_DEPTH) {
      throw tooMuch(`It nests more than ${MAX_DEPTH} fields.`);
    }
    const field =
      isObjectType(where.type) || isInterfaceType(where.type) ? where.type.getFields()[name.value] : undefined;
    const { field: own = 1, multiplier = 1 } = inIntrospection
      ? { multiplier: INTROSPECTION_LISTS[name.value] }
      : this.#costOf(field, node.arguments ?? []);
    if (inIntrospection) this.#introspection += where.rows;
    else this.#cost += where.rows * own;
    if (this.#introspection > MAX_INTROSPECTION) {
      throw tooMuch("It asks for too much of the schema's description. Ask for less, or once.");
    }
    if (this.#cost > MAX_COST) {
      throw tooMuch(`It costs more than ${MAX_COST}. Ask for shorter pages or fewer fields.`);
    }
    if (!node.selectionSet) return;
    this.#selectionSet(node.selectionSet, {
      type: field ? getNamedType(field.type) : META_FIELDS[name.value],
      places: below,
      depth: where.depth + 1,
      rows: where.rows * Math.max(0, multiplier),
    });
  }

  /** What comes below this name. */
  #place(name: string, places: Places): Places {
    let place = places.get(name);
    if (place === undefined) {
      place = { fields: 0, below: new Map() };
      places.set(name, place);
    }
    this.#samePlace += place.fields;
    place.fields++;
    if (this.#samePlace > MAX_SAME_PLACE)
      throw tooMuch("It asks for the same fields too many times. Ask for each once.");
    return place.below;
  }

  #costOf(field: GraphQLField<unknown, unknown> | undefined, given: readonly ArgumentNode[]): Cost {
    const complexity = field?.extensions.complexity as
      | number
      | Cost
      | ((args: Record<string, unknown>) => number | Cost)
      | undefined;
    const cost = typeof complexity === "function" ? complexity(this.#argumentsOf(field, given)) : complexity;
    return typeof cost === "number" ? { field: cost } : (cost ?? {});
  }

  /** What a cost function may ask of the arguments: how large a number is, how long a list. */
  #argumentsOf(field: GraphQLField<unknown, unknown> | undefined, given: readonly ArgumentNode[]) {
    const values: Record<string, unknown> = {};
    for (const { name, type } of field?.args ?? []) {
      const node = given.find((argument) => argument.name.value === name)?.value;
      values[name] = isListType(getNullableType(type)) ? { length: this.#lengthOf(node) } : this.#numberOf(node);
    }
    if ("first" in values && values.first === undefined && values.last === undefined) {
      values.first = this.#limits.DEFAULT_PAGE_SIZE;
    }
    return values;
  }

  // A variable may be anything, so it counts as the most that operations take.
  #numberOf(node: ValueNode | undefined): number | undefined {
    if (node?.kind === Kind.VARIABLE) return this.#limits.MAX_PAGE_SIZE;
    return node?.kind === Kind.INT ? Number(node.value) : undefined;
  }

  #lengthOf(node: ValueNode | undefined): number {
    if (node?.kind === Kind.VARIABLE) return this.#limits.MAX_PAGE_SIZE;
    return node?.kind === Kind.LIST ? node.values.length : 1;
  }
}
