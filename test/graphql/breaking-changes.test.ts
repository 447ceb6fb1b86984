/**
 * Compares the schema with that of the last version. Each change that breaks clients must be named in the changelog
 * under "Breaking", by its type, field, argument or type of value, in backticks. `Create*Payload` names all such types.
 */
import { readFileSync } from "node:fs";
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema, type GraphQLSchema } from "graphql";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const changelog = read("../../CHANGELOG.md");
const released = read("./released-schema.graphql");

/** Too general to name a change. */
const ROOTS: ReadonlySet<string> = new Set(["Query", "Mutation", "Subscription"]);

/** The breaking changes that the changelog does not name. */
async function unnamed(before: GraphQLSchema, after: GraphQLSchema, log: string): Promise<string[]> {
  const isNamed = namesIn(breakingSection(log));
  const changes = await diff(before, after);
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .filter((change) => !namesOf(change).some((name) => !ROOTS.has(name) && isNamed(name)))
    .map(({ message }) => message);
}

/** Of a change at `Type.field.argument`: its parts, its path and those above, and the types that the message quotes. */
function namesOf({ path = "", message }: { path?: string | undefined; message: string }): string[] {
  const parts = path.split(".");
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join("."));
  const quoted = [...message.matchAll(/'([^']+)'/g)].flatMap(([, text = ""]) => text.match(/\w+/g) ?? []);
  return [...parts, ...paths, ...quoted];
}

/** What is written about versions that are not released. */
function breakingSection(log: string): string {
  const unreleased = log.split(/^## /m).find((section) => section.startsWith("[Unreleased]"));
  return unreleased?.split(/^### /m).find((section) => section.startsWith("Breaking")) ?? "";
}

/** Whether a name stands between backticks. There, `Type.field` names itself and its parts, and `*` is any text. */
function namesIn(text: string): (name: string) => boolean {
  const names = [...text.matchAll(/`([^`]+)`/g)].flatMap(([, code = ""]) =>
    [...code.matchAll(/[\w*]+(?:\.[\w*]+)*/g)].flatMap(([path]) => [path, ...path.split(".")]),
  );
  const patterns = names.map((name) => new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", "\\w*")}$`));
  return (name) => patterns.some((pattern) => pattern.test(name));
}

test("every change that breaks clients of the last version is named in the changelog under Breaking", async () => {
  const missing = await unnamed(buildSchema(released), buildSchema(read("../../schema.graphql")), changelog);
  expect(missing).toEqual([]);
});

test("the schema that it is compared with is that of the last version: copy schema.graphql when one is released", () => {
  const version = /^## \[(\d+\.\d+\.\d+)\]/m.exec(changelog)?.[1];
  expect(released.split("\n")[0]).toContain(`version ${version},`);
});

test("a change that the changelog does not name is found, and one that breaks nothing is not", async () => {
  const before = buildSchema("type Query { pool(name: String!): Pool count: Int! } type Pool { name: String! }");
  const after = buildSchema("type Query { pool(pool: ID!): Pool total: Int! } type Pool { name: String! weight: Int }");
  const log = (breaking: string) =>
    `## [Unreleased]\n\n### Added\n\n- \`pool\`\n\n### Breaking\n\n${breaking}\n\n## [0.1.0] - 2026-11-22\n\n\`count\`\n`;
  const [count, name, pool] = [
    "Field 'count' was removed from object type 'Query'",
    "Argument 'name: String!' was removed from field 'Query.pool'",
    "Argument 'pool: ID!' added to field 'Query.pool'",
  ] as const;
  expect((await unnamed(before, after, log(""))).sort()).toEqual([name, pool, count].sort());
  expect(await unnamed(before, after, log("- `Query` and `Pools` have changed."))).toHaveLength(3);
  expect(await unnamed(before, after, log("- `pool(pool:)`, not `name`."))).toEqual([count]);
  expect(await unnamed(before, after, log("- `Query.poo*`.\n- `count` is `total`."))).toEqual([]);
});
