import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readHeaders, writeHeaders } from "../../../components/messages/headers-text.ts";

describe("headers as text", () => {
  it("are one a line, or a JSON object", () => {
    const headers = [
      { name: "type", value: "order: placed" },
      { name: "trace", value: "" },
    ];
    expect(readHeaders("type: order: placed\n\n trace :  \r\n")).toEqual(headers);
    expect(readHeaders('{"type": "order: placed", "trace": ""}')).toEqual(headers);
    expect(readHeaders(" ")).toEqual([]);
  });

  it("refuse a line without a colon, a name that is empty or comes twice, and JSON that holds anything but texts", () => {
    for (const text of ["type", ": order", "a: 1\na: 2", '{"a": 1}', '{"a": {}}', '{"": "x"}', "{a: 1}"]) {
      expect(readHeaders(text), text).toBeNull();
    }
  });

  it("are the same when they are written and read again, whatever is in them", () => {
    const name = fc.string({ minLength: 1, unit: fc.constantFrom("a", ":", " ", "\n", '"', "{", "é") });
    const value = fc.string({ unit: fc.constantFrom("b", ":", " ", "\n", '"', "\r", "\\") });
    const some = fc.uniqueArray(fc.record({ name, value }), { selector: (header) => header.name, maxLength: 4 });
    fc.assert(
      fc.property(some, (headers) => {
        expect(readHeaders(writeHeaders(headers))).toEqual(headers);
      }),
    );
  });
});
