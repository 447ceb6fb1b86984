/** GraphQL documents as people read and copy them. It has a parser, so it is loaded with the sheet that needs it. */
import {
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionNode,
  visit,
} from "graphql";

/** A document with its variables. */
export interface Asked {
  document: string;
  variables: object;
}

/** A list within a document, named by its path in the answer, such as "queue.messages". */
export interface AskedList extends Asked {
  path: string;
}

/** The same with nothing that these variables leave out, no conditions, and no variable that nobody reads. */
export function simplified({ document, variables }: Asked): Asked {
  return textOf(withoutConditions(parse(document), variables), variables);
}

/**
 * The lists in a query's answer, each with a document of its own: fields with `nodes`, at the root or in the object
 * that the page is about.
 */
export function listsOf({ document, variables }: Asked): AskedList[] {
  const whole = withoutConditions(parse(document), variables);
  const operation = operationOf(whole);
  if (operation.operation !== "query") return [];
  const fragments = new Map(
    whole.definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [])),
  );
  const only = (path: string, selection: FieldNode): AskedList => {
    const one: OperationDefinitionNode = {
      ...operation,
      selectionSet: { kind: Kind.SELECTION_SET, selections: [selection] },
    };
    return { path, ...textOf({ ...whole, definitions: [one, ...fragments.values()] }, variables) };
  };
  return fieldsOf(operation.selectionSet.selections, fragments).flatMap((field) => {
    if (isList(field, fragments)) return [only(answerName(field), field)];
    const inside = fieldsOf(field.selectionSet?.selections ?? [], fragments).filter((one) => isList(one, fragments));
    return inside.map((list) => {
      const parent = { ...field, selectionSet: { kind: Kind.SELECTION_SET, selections: [list] } } as const;
      return only(`${answerName(field)}.${answerName(list)}`, parent);
    });
  });
}

function operationOf(document: DocumentNode): OperationDefinitionNode {
  const operation = document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  if (operation === undefined) throw new Error("This document has no operation.");
  return operation;
}

const answerName = ({ alias, name }: FieldNode) => (alias ?? name).value;

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** The fields that are selected, also those that fragments select. */
function fieldsOf(selections: readonly SelectionNode[], fragments: Fragments): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsOf(selection.selectionSet.selections, fragments);
    return fieldsOf(fragments.get(selection.name.value)?.selectionSet.selections ?? [], fragments);
  });
}

function isList(field: FieldNode, fragments: Fragments): boolean {
  const inside = fieldsOf(field.selectionSet?.selections ?? [], fragments);
  return inside.some(({ name }) => name.value === "nodes");
}

/** What the variables of `@include` leave out is gone, and so are the conditions. */
function withoutConditions(document: DocumentNode, variables: object): DocumentNode {
  return visit(document, {
    enter: (field) => {
      if (field.kind !== Kind.FIELD) return undefined;
      const condition = field.directives?.find(({ name }) => name.value === "include")?.arguments?.[0]?.value;
      if (condition?.kind !== Kind.VARIABLE) return undefined;
      const given = (variables as Record<string, unknown>)[condition.name.value];
      // Left out, it has the default of its definition.
      if (given === undefined) return undefined;
      if (given === false) return null;
      return { ...field, directives: field.directives?.filter(({ name }) => name.value !== "include") };
    },
  });
}

/** The document's text, without fragments and variables that it does not use. */
function textOf(document: DocumentNode, variables: object): Asked {
  const operation = operationOf(document);
  const used = new Set<DefinitionNode>();
  const names = new Set<string>();
  const use = (definition: OperationDefinitionNode | FragmentDefinitionNode) => {
    if (used.has(definition)) return;
    used.add(definition);
    visit(definition, {
      enter: (node) => {
        if (node.kind === Kind.VARIABLE_DEFINITION) return false;
        if (node.kind === Kind.VARIABLE) names.add(node.name.value);
        if (node.kind === Kind.FRAGMENT_SPREAD) {
          for (const one of document.definitions) {
            if (one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === node.name.value) use(one);
          }
        }
        return undefined;
      },
    });
  };
  use(operation);
  const definitions = document.definitions.flatMap((one): DefinitionNode[] => {
    if (one === operation) {
      const read = operation.variableDefinitions?.filter(({ variable }) => names.has(variable.name.value));
      return [{ ...operation, variableDefinitions: read }];
    }
    return used.has(one) ? [one] : [];
  });
  return {
    document: print({ kind: Kind.DOCUMENT, definitions }),
    variables: Object.fromEntries(Object.entries(variables).filter(([name]) => names.has(name))),
  };
}
