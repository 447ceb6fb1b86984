/** What a field's selection asks for, @skip and @include considered. */
import {
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getDirectiveValues,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";

/**
 * The names among `names` that are selected anywhere below the field. So a list reads only what was selected.
 */
export function selectedFields(info: GraphQLResolveInfo, names: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const walk = (selectionSet: SelectionSetNode | undefined): void => {
    for (const selection of selectionSet?.selections ?? []) {
      if (isLeftOut(selection, info)) continue;
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        if (!seen.has(name)) walk(info.fragments[name]?.selectionSet);
        seen.add(name);
      } else {
        if (selection.kind === Kind.FIELD && names.has(selection.name.value)) found.add(selection.name.value);
        walk(selection.selectionSet);
      }
    }
  };
  for (const node of info.fieldNodes) walk(node.selectionSet);
  return found;
}

/**
 * True when a field of the object itself is selected that is not among `names`. `typeName` is the object's type:
 * fragments on other types are left out.
 */
export function selectsMoreThan(names: ReadonlySet<string>, typeName: string, info: GraphQLResolveInfo): boolean {
  const isOfType = (condition: string | undefined) =>
    condition === undefined || condition === typeName || !isObjectType(info.schema.getType(condition));
  const more = (selectionSet: SelectionSetNode | undefined): boolean =>
    (selectionSet?.selections ?? []).some((selection) => {
      if (isLeftOut(selection, info)) return false;
      if (selection.kind === Kind.FIELD) return !names.has(selection.name.value);
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? info.fragments[selection.name.value] : selection;
      return isOfType(fragment?.typeCondition?.name.value) && more(fragment?.selectionSet);
    });
  return info.fieldNodes.some(({ selectionSet }) => more(selectionSet));
}

/** True when @skip or @include leaves the selection out. */
function isLeftOut(selection: SelectionNode, { variableValues }: GraphQLResolveInfo): boolean {
  return (
    getDirectiveValues(GraphQLSkipDirective, selection, variableValues)?.if === true ||
    getDirectiveValues(GraphQLIncludeDirective, selection, variableValues)?.if === false
  );
}
