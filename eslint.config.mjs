/**
 * Lints GraphQL only: the printed schema, and the documents of pages. Biome lints everything else. Each rule that is
 * switched off has its reason beside it.
 */
import graphql from "@graphql-eslint/eslint-plugin";

const DOCUMENTS = ["{app,components}/**/{documents,fragments}.ts"];

/** Hands on the documents in a file, without the TypeScript around them. */
const documentsOnly = {
  ...graphql.processor,
  preprocess: (text, path) => graphql.processor.preprocess(text, path).filter((block) => typeof block !== "string"),
};

const linted = {
  languageOptions: {
    parser: graphql.parser,
    parserOptions: { graphQLConfig: { schema: "schema.graphql", documents: DOCUMENTS } },
  },
  plugins: { "@graphql-eslint": graphql },
};

/** Rules without the name of their plugin in front. */
const rules = (named) =>
  Object.fromEntries(Object.entries(named).map(([name, level]) => [`@graphql-eslint/${name}`, level]));

const SCHEMA_RULES = rules({
  // The printer sorts everything.
  alphabetize: "off",
  // The root types are Query, Mutation and Subscription.
  "no-root-type": "off",
  // A payload holds what the mutation changed. Clients ask for more in a request that may fail by itself.
  "require-field-of-type-query-in-mutation-result": "off",
  // `viewer` and `limits` cannot fail, and an event of a stream is never without its content. A test holds the others.
  "require-nullable-result-in-root": "off",
  // Counts, statistics and other values have no identity.
  "strict-id-in-types": "off",
  // Messages and claims are no nodes: a look-up needs their queue. Lists that are bounded by their nature have no pages.
  "relay-edge-types": [
    "error",
    { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
  ],
});

const DOCUMENT_RULES = rules({
  // Fields stand in the order in which pages show them.
  alphabetize: "off",
  // One file has all documents of a noun.
  "lone-executable-definition": "off",
  "match-document-filename": "off",
  // A fragment stands beside the component whose props it is.
  "no-one-place-fragments": "off",
  // TypeScript imports fragments.
  "require-import-fragment": "off",
  // Pages have no cache that needs ids.
  "require-selections": "off",
  // Without "Subscription" among what a name may not begin or end with: queues have subscriptions.
  "naming-convention": [
    "error",
    {
      VariableDefinition: "camelCase",
      OperationDefinition: {
        style: "PascalCase",
        forbiddenPrefixes: ["Query", "Mutation", "Get"],
        forbiddenSuffixes: ["Query", "Mutation"],
      },
      FragmentDefinition: { style: "PascalCase", forbiddenPrefixes: ["Fragment"], forbiddenSuffixes: ["Fragment"] },
    },
  ],
});

export default [
  { files: DOCUMENTS, plugins: { "@graphql-eslint": graphql }, processor: documentsOnly },
  {
    files: ["schema.graphql"],
    ...linted,
    rules: {
      ...graphql.configs["flat/schema-all"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      ...SCHEMA_RULES,
    },
  },
  {
    files: DOCUMENTS.map((files) => `${files}/*.graphql`),
    ...linted,
    rules: { ...graphql.configs["flat/operations-all"].rules, ...DOCUMENT_RULES },
  },
];
