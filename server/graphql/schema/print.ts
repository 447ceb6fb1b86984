/** `npm run schema`: prints the schema to schema.graphql, the reference of the API. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { printSchema } from "graphql";
import { schema } from "./schema.ts";

/** The content of schema.graphql. */
export function printedSchema(): string {
  return `# Written by \`npm run schema\`. Change server/graphql/ instead.\n\n${printSchema(schema)}\n`;
}

if (import.meta.main) {
  writeFileSync(resolve(import.meta.dirname, "../../../schema.graphql"), printedSchema());
}
