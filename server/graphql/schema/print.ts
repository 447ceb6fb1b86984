/** `npm run schema`: writes the schema as text to schema.graphql, which is the API's reference. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { printSchema } from "graphql";
import { schema } from "./schema.ts";

/** Exactly what schema.graphql must hold. */
export function printedSchema(): string {
  return `# Written by \`npm run schema\`. Change server/graphql/ instead.\n\n${printSchema(schema)}\n`;
}

if (import.meta.main) {
  writeFileSync(resolve(import.meta.dirname, "../../../schema.graphql"), printedSchema());
}
