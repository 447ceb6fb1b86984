import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curlCommand } from "../../../components/ui/curl.ts";

/** What a shell would hand to curl. */
function argumentsIn(command: string): string[] {
  const shell = `curl() { for argument in "$@"; do printf '%s\\0' "$argument"; done; }\n${command}`;
  return execFileSync("sh", ["-c", shell], { encoding: "utf8" }).split("\0").slice(0, -1);
}

const URL = "http://127.0.0.1:3000/api/graphql";

describe("the cURL line that a button shows", () => {
  it("survives a shell, whatever is in the variables", () => {
    const query = "mutation($input:PostMessagesInput!){postMessages(input:$input){ids}}";
    const variables = { input: { queue: 'it\'s; $(touch /tmp/never) `x` "y" \\ \n 📮 \u202E\u009B' } };
    const line = curlCommand(URL, query, variables);
    const given = argumentsIn(line);
    expect(given).toContain(URL);
    expect(JSON.parse(given.at(-1) ?? "")).toEqual({ query, variables });
    expect(line).not.toMatch(/[\n\u202E\u009B]/);
  });

  it("has no more of the document than the server needs", () => {
    const document = "query Pools {\n  pools(first: 1) {\n    nodes {\n      name\n    }\n  }\n}";
    const { query } = JSON.parse(argumentsIn(curlCommand(URL, document, {})).at(-1) ?? "");
    expect(query).toBe("query Pools{pools(first:1){nodes{name}}}");
  });

  it("hands over what is too long for an argument of a program as a text to read", () => {
    const variables = { input: { messages: [{ body: { text: "it's $HOME ".repeat(20_000) } }] } };
    const command = curlCommand(URL, "mutation { x }", variables);
    const shell = `curl() { for last in "$@"; do :; done; [ "$last" = @- ] && cat; }\n${command}`;
    const read = execFileSync("sh", { input: shell, encoding: "utf8" });
    expect(JSON.parse(read)).toEqual({ query: "mutation{x}", variables });
  });

  it("sends the token of the shell, where accounts are on", () => {
    const line = curlCommand(URL, "{ viewer { actor } }", {}, { token: true });
    expect(argumentsIn(`TOKEN=isi_secret\n${line}`)).toContain("authorization: Bearer isi_secret");
  });

  it("follows a subscription", () => {
    const given = argumentsIn(curlCommand(URL, "subscription { jobUpdated(id: 1) { state } }", {}));
    expect(given).toEqual(expect.arrayContaining(["-sSN", "accept: text/event-stream"]));
  });
});
