/** What a document may ask for. One list of rules for every way into the API; each document is measured once, before anything runs. */
import {
  type ArgumentNode,
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  specifiedRules,
  type ValidationContext,
  type ValidationRule,
  type ValueNode,
} from "graphql";
import type { Limits } from "../config.ts";

/** Of the text: a lexer's tokens. Long lists belong into variables, which this does not count. */
export const MAX_TOKENS = 4000;
/** Validation and coercion stop at this many errors. */
export const MAX_ERRORS = 10;
/** Fields inside fields. */
const MAX_DEPTH = 12;
/** Fields with another name than their own, each spread of a fragment counted anew. */
const MAX_ALIASES = 30;
const MAX_DIRECTIVES = 50;
/** A field costs one or what it says, a page its rows times what is selected of each. */
const MAX_COST = 10_000;

interface Measure {
  depth: number;
  aliases: number;
  cost: number;
}

interface Cost {
  field?: number;
  multiplier?: number;
}

/** The rules of GraphQL itself and the limit of this service. `limits` says how long the longest page is: a variable counts as that. */
export function validationRules(limits: Limits): readonly ValidationRule[] {
  return [measureRule(limits), ...specifiedRules];
}

/** Only the rule that is not GraphQL's own, for Apollo, which adds those itself. */
export function measureRule(limits: Limits): ValidationRule {
  return (context: ValidationContext): ASTVisitor => ({
    Document(document) {
      const fragments = new Map<string, FragmentDefinitionNode>();
      for (const definition of document.definitions) {
        if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
      }
      const measurer = createMeasurer(context, fragments, limits);
      for (const definition of document.definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        const root = context.getSchema().getRootType(definition.operation);
        const { depth, aliases, cost } = measurer(definition.selectionSet, root ?? undefined);
        refuse(context, depth > MAX_DEPTH, `It nests ${depth} fields deep; ${MAX_DEPTH} are allowed.`);
        refuse(context, aliases > MAX_ALIASES, `It uses ${aliases} aliases; ${MAX_ALIASES} are allowed.`);
        refuse(
          context,
          cost > MAX_COST,
          `It costs ${cost}; ${MAX_COST} are allowed. Ask for shorter pages or fewer fields.`,
        );
      }
    },
    ...countDirectives(context),
  });
}

function refuse(context: ValidationContext, broken: boolean, reason: string): void {
  if (broken) context.reportError(new GraphQLError(`This operation asks for too much. ${reason}`));
}

function countDirectives(context: ValidationContext): ASTVisitor {
  let directives = 0;
  return {
    Directive() {
      directives++;
      refuse(context, directives === MAX_DIRECTIVES + 1, `It uses more than ${MAX_DIRECTIVES} directives.`);
    },
  };
}

function createMeasurer(
  context: ValidationContext,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  { MAX_PAGE_SIZE: longestPage, DEFAULT_PAGE_SIZE: usualPage }: Limits,
) {
  const schema = context.getSchema();
  // A fragment is measured once, however often it is spread: without this, ten short fragments make a million steps.
  const measured = new Map<string, Measure>();
  const measuring = new Set<string>();

  function measureSelection(selectionSet: SelectionSetNode, type: GraphQLNamedType | undefined): Measure {
    const total: Measure = { depth: 0, aliases: 0, cost: 0 };
    for (const selection of selectionSet.selections) {
      let part: Measure;
      if (selection.kind === Kind.FIELD) part = measureField(selection, type);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) part = measureFragment(selection.name.value);
      else {
        const condition = selection.typeCondition;
        part = measureSelection(selection.selectionSet, condition ? schema.getType(condition.name.value) : type);
      }
      total.depth = Math.max(total.depth, part.depth);
      total.aliases += part.aliases;
      total.cost += part.cost;
    }
    return total;
  }

  function measureFragment(name: string): Measure {
    const known = measured.get(name);
    const fragment = fragments.get(name);
    // A fragment that is missing or spreads itself is refused by GraphQL's own rules.
    if (known || !fragment || measuring.has(name)) return known ?? { depth: 0, aliases: 0, cost: 0 };
    measuring.add(name);
    const measure = measureSelection(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value));
    measuring.delete(name);
    measured.set(name, measure);
    return measure;
  }

  function measureField(node: FieldNode, type: GraphQLNamedType | undefined): Measure {
    const aliases = node.alias && node.alias.value !== node.name.value ? 1 : 0;
    // The schema itself is small, and GraphQL's own rule bounds how deep it is asked for.
    if (node.name.value.startsWith("__")) return { depth: 1, aliases, cost: 1 };
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
    const { field: own = 1, multiplier = 1 } = costOf(field, node.arguments ?? []);
    if (!node.selectionSet) return { depth: 1, aliases, cost: own };
    const inner = measureSelection(node.selectionSet, field && getNamedType(field.type));
    return {
      depth: 1 + inner.depth,
      aliases: aliases + inner.aliases,
      cost: own + Math.max(0, multiplier) * inner.cost,
    };
  }

  function costOf(field: GraphQLField<unknown, unknown> | undefined, given: readonly ArgumentNode[]): Cost {
    const complexity = field?.extensions.complexity as
      | number
      | Cost
      | ((args: Record<string, unknown>) => number | Cost)
      | undefined;
    const cost = typeof complexity === "function" ? complexity(argumentsOf(field, given)) : complexity;
    return typeof cost === "number" ? { field: cost } : (cost ?? {});
  }

  /** What a cost function may ask of the arguments: how large a number is, how long a list. */
  function argumentsOf(field: GraphQLField<unknown, unknown> | undefined, given: readonly ArgumentNode[]) {
    const values: Record<string, unknown> = {};
    for (const { name, type } of field?.args ?? []) {
      const node = given.find((argument) => argument.name.value === name)?.value;
      values[name] = isListType(getNullableType(type)) ? { length: lengthOf(node) } : numberOf(node);
    }
    if ("first" in values && values.first === undefined && values.last === undefined) values.first = usualPage;
    return values;
  }

  // A variable may be anything, so it counts as the most that operations take.
  function numberOf(node: ValueNode | undefined): number | undefined {
    if (node?.kind === Kind.VARIABLE) return longestPage;
    return node?.kind === Kind.INT ? Number(node.value) : undefined;
  }

  function lengthOf(node: ValueNode | undefined): number {
    if (node?.kind === Kind.VARIABLE) return longestPage;
    return node?.kind === Kind.LIST ? node.values.length : 1;
  }

  return measureSelection;
}
