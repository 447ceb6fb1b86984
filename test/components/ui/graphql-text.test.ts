import { describe, expect, it } from "vitest";
import { listsOf, simplified } from "../../../components/ui/graphql-text.ts";

const document = `
  query Page($project: String, $first: Int, $after: String, $counts: Boolean!, $open: Boolean!, $id: ID!) {
    found: queues(project: $project, first: $first, after: $after) {
      nodes { ...Row }
      count @include(if: $counts) { value }
    }
    queue(project: $project, queue: "orders") {
      ...Frame
      message(id: $id) @include(if: $open) { id }
    }
    viewer { actor }
  }

  fragment Row on Queue { name }

  fragment Frame on Queue { name claims(first: 5) { nodes { id } } }
`;
const variables = { project: "shop", first: 50, counts: true, open: false, id: "" };
const inOneLine = (text: string) => text.replace(/\s+/g, " ");

describe("a document as people read it", () => {
  it("has neither conditions nor what they leave out, nor variables that nothing reads", () => {
    const asked = simplified({ document, variables });
    expect(inOneLine(asked.document)).toBe(
      inOneLine(`query Page($project: String, $first: Int, $after: String) {
        found: queues(project: $project, first: $first, after: $after) { nodes { ...Row } count { value } }
        queue(project: $project, queue: "orders") { ...Frame }
        viewer { actor }
      }
      fragment Row on Queue { name }
      fragment Frame on Queue { name claims(first: 5) { nodes { id } } }`),
    );
    expect(asked.variables).toEqual({ project: "shop", first: 50 });
  });

  it("keeps a condition whose variable is left out: its default decides", () => {
    const text = "query Q($more: Boolean! = false) { viewer { actor @include(if: $more) } }";
    expect(inOneLine(simplified({ document: text, variables: {} }).document)).toBe(text);
  });
});

describe("the lists in a document", () => {
  const lists = listsOf({ document, variables });

  it("are at its root and in the object that it is about, also where a fragment asks for them", () => {
    expect(lists.map(({ path }) => path)).toEqual(["found", "queue.claims"]);
  });

  it("each have a document of their own, with what they need of the other", () => {
    expect(lists.map((list) => [inOneLine(list.document), list.variables])).toEqual([
      [
        "query Page($project: String, $first: Int, $after: String) { found: queues(project: $project, first: $first, after: $after) { nodes { ...Row } count { value } } } fragment Row on Queue { name }",
        { project: "shop", first: 50 },
      ],
      [
        'query Page($project: String) { queue(project: $project, queue: "orders") { claims(first: 5) { nodes { id } } } }',
        { project: "shop" },
      ],
    ]);
  });

  it("are none in a mutation", () => {
    expect(listsOf({ document: "mutation { postMessages(input: {}) { nodes { id } } }", variables: {} })).toEqual([]);
  });
});
