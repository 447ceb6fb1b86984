/** Checks of a document before anybody sends it. */
import { parse, validate } from "graphql";
import { schema } from "../schema/schema.ts";

/** Throws an error that says what is wrong with the document: it has no operation, or the schema does not allow it. */
export function checkDocument(text: string): void {
  const [error] = validate(schema, parse(text));
  if (error !== undefined) throw error;
  if (operationNames(text).length === 0) throw new Error("The document has no operation.");
}

/** The names of a document's operations; of one without a name, its kind. */
export function operationNames(text: string): string[] {
  return parse(text).definitions.flatMap((definition) =>
    definition.kind === "OperationDefinition" ? [definition.name?.value ?? definition.operation] : [],
  );
}
