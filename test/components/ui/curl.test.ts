import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curlCommand } from "../../../components/ui/curl.ts";

/** What a shell would hand to curl. */
function argumentsIn(command: string): string[] {
  const shell = `curl() { for argument in "$@"; do printf '%s\\0' "$argument"; done; }\n${command}`;
  return execFileSync("sh", ["-c", shell], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("the cURL line that a button shows", () => {
  it("survives a shell, whatever is in the variables", () => {
    const query = "mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
    const variables = { input: { queue: 'it\'s; $(touch /tmp/never) `x` "y" \\ \n 📮' } };
    const given = argumentsIn(curlCommand("http://127.0.0.1:3000/api/graphql", query, variables));
    expect(given).toContain("http://127.0.0.1:3000/api/graphql");
    expect(JSON.parse(given.at(-1) ?? "")).toEqual({ query, variables });
  });
});
