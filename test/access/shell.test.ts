import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { addressList, plainAddress } from "../../server/access/addresses.ts";
import { type Caller, createShell, type ShellSettings } from "../../server/access/shell.ts";

const PUBLIC: ShellSettings = {
  AUTH: "accounts",
  PUBLIC_URL: "https://queues.example.org/below",
  TRUST_PROXY: undefined,
  CORS_ORIGINS: ["https://shop.example.org"],
  ALLOWED_HOSTS: ["isimud.queues.svc"],
};
const HERE = "localhost:3000";

interface Sent {
  from?: string;
  to?: string;
  method?: string;
  url?: string;
  /** Names and values in turn, as they are sent. */
  headers?: readonly string[];
}

function requestOf({ from = "203.0.113.9", to = "192.0.2.1", method = "GET", url = "/", headers = [] }: Sent) {
  const joined: Record<string, string> = {};
  for (let index = 0; index < headers.length; index += 2) {
    const [name, value] = [(headers[index] as string).toLowerCase(), headers[index + 1] as string];
    // As Node does it.
    if (name === "host") joined[name] ??= value;
    else joined[name] = joined[name] === undefined ? value : `${joined[name]}, ${value}`;
  }
  const socket = { remoteAddress: from, localAddress: to, localPort: 3000 };
  return { method, url, rawHeaders: headers, headers: joined, socket } as unknown as IncomingMessage;
}

function callerOf(settings: Partial<ShellSettings>, sent: Sent): Caller {
  const host = sent.headers?.some((name) => name === "host") ? [] : ["host", HERE];
  return createShell({ ...PUBLIC, ...settings })(requestOf({ ...sent, headers: [...host, ...(sent.headers ?? [])] }));
}

const post = (headers: readonly string[]): Sent => ({ method: "POST", headers });
const proxied = (TRUST_PROXY: ShellSettings["TRUST_PROXY"], from: string, ...headers: string[]) =>
  callerOf({ TRUST_PROXY }, { from, headers });

describe("the Host", () => {
  test.each(["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "queues.example.org", "QUEUES.example.org"])(
    "%s is served",
    (host) => {
      expect(callerOf({}, { headers: ["host", host] }).address).toBe("203.0.113.9");
    },
  );

  test("is the address of the connection with accounts only", () => {
    expect(callerOf({}, { headers: ["host", "192.0.2.1:3000"] })).toBeTruthy();
    expect(callerOf({}, { to: "::ffff:192.0.2.1", headers: ["host", "192.0.2.1:3000"] })).toBeTruthy();
    expect(callerOf({}, { to: "2001:db8::1", headers: ["host", "[2001:db8::1]:3000"] })).toBeTruthy();
    expect(() => callerOf({ AUTH: "none" }, { headers: ["host", "192.0.2.1:3000"] })).toThrow("not known by that name");
    expect(() => callerOf({}, { to: "fe80::1%eth0", headers: ["host", "[fe80::1]:3000"] })).toThrow("not known");
  });

  test.each([["evil.example"], ["192.0.2.2:3000"], ["queues.example.org:3000"], [""]])("%s is misdirected", (host) => {
    expect(() => callerOf({}, { headers: ["host", host] })).toThrow("not known by that name");
  });

  test("in ALLOWED_HOSTS is for programs, at any port, and for no page", () => {
    const sent = (host: string, ...headers: string[]) => callerOf({}, post(["host", host, ...headers]));
    expect(sent("isimud.queues.svc")).toMatchObject({ isFromPage: false, isSecure: false });
    expect(sent("Isimud.queues.svc:3000")).toBeTruthy();
    expect(() => sent("other.queues.svc")).toThrow("the names in ALLOWED_HOSTS");
    expect(() => sent("isimud.queues.svc", "origin", "http://isimud.queues.svc")).toThrow("a page of another site");
    expect(() => callerOf({ ALLOWED_HOSTS: undefined }, { headers: ["host", "isimud.queues.svc"] })).toThrow(
      "not known",
    );
  });

  test("is sent once, and the path begins with a slash", () => {
    expect(() => callerOf({}, { headers: ["host", HERE, "Host", HERE] })).toThrow("not known by that name");
    expect(() => callerOf({}, { url: "http://evil.example/", headers: [] })).toThrow("not known by that name");
  });
});

describe("a proxy", () => {
  const FORWARDING = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Anything", "X-Real-IP"];

  test.each([...FORWARDING, "Via"])("that sends %s is refused with AUTH=none", (name) => {
    expect(() => callerOf({ AUTH: "none" }, { headers: [name, "127.0.0.1"] })).toThrow("AUTH=none trusts only clients");
  });

  test.each(FORWARDING)("that nobody trusts may not send %s", (name) => {
    const refusal = "came through the proxy 203.0.113.9, which TRUST_PROXY does not name";
    expect(() => callerOf({}, { headers: [name, "127.0.0.1"] })).toThrow(refusal);
    expect(() => proxied(["10.0.0.0/8"], "203.0.113.9", name, "127.0.0.1")).toThrow(refusal);
  });

  test("of the client's own network may say that it was there", () => {
    expect(callerOf({}, { headers: ["Via", "1.1 office"] }).address).toBe("203.0.113.9");
  });

  test.each<[ShellSettings["TRUST_PROXY"], string, string, string]>([
    [1, "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    [1, "10.0.0.1", "127.0.0.1, 198.51.100.7", "198.51.100.7"],
    [2, "10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"],
    [2, "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    [["10.0.0.0/8"], "10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"],
    [["10.0.0.0/8"], "::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"],
    [["10.0.0.0/8"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    [["fd00::/8", "10.0.0.1"], "fd00::1", "[2001:DB8::7]:443, 10.0.0.1", "2001:db8::7"],
    [["10.0.0.0/8"], "10.0.0.1", "198.51.100.7:40312", "198.51.100.7"],
    [["10.0.0.0/8"], "10.0.0.1", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"],
    [["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"],
  ])("of TRUST_PROXY=%j at %s that forwards for %j asks for %s", (trusted, from, forwardedFor, address) => {
    expect(proxied(trusted, from, "X-Forwarded-For", forwardedFor).address).toBe(address);
  });

  test("says by which name and scheme it was asked", () => {
    const asked = (...headers: string[]) => proxied(["10.0.0.1"], "10.0.0.1", ...headers);
    expect(asked("X-Forwarded-Host", "queues.example.org", "X-Forwarded-Proto", "https").isSecure).toBe(true);
    expect(asked("X-Forwarded-Host", "queues.example.org", "X-Forwarded-Proto", "http").isSecure).toBe(false);
    expect(asked("X-Forwarded-Proto", "http, https").isSecure).toBe(true);
    expect(() => asked("X-Forwarded-Host", "evil.example")).toThrow("not known by that name");
    expect(() => asked("X-Forwarded-Host", "localhost:3000, evil.example")).toThrow("not known by that name");
  });
});

describe("TLS", () => {
  test("is there at the name of an https PUBLIC_URL", () => {
    expect(callerOf({}, { headers: ["host", "queues.example.org"] }).isSecure).toBe(true);
    expect(callerOf({}, {}).isSecure).toBe(false);
    const PUBLIC_URL = "http://queues.example.org";
    expect(callerOf({ PUBLIC_URL }, { headers: ["host", "queues.example.org"] }).isSecure).toBe(false);
    expect(callerOf({ PUBLIC_URL: undefined }, {}).isSecure).toBe(false);
  });
});

describe("the page that sent it", () => {
  test.each([
    [["origin", "https://queues.example.org"]],
    [["origin", "http://localhost:3000", "sec-fetch-site", "same-origin"]],
    [["sec-fetch-site", "same-origin"]],
  ])("is ours with %j, so a person acts", (headers) => {
    expect(callerOf({}, post(headers))).toMatchObject({ isFromPage: true, foreignOrigin: null });
  });

  test("is none with neither header, so a program acts", () => {
    expect(callerOf({}, post([]))).toMatchObject({ isFromPage: false, foreignOrigin: null });
  });

  test.each([
    [["origin", "https://evil.example"]],
    [["origin", "null"]],
    [["origin", "http://queues.example.org"]],
    [["origin", "https://queues.example.org", "sec-fetch-site", "cross-site"]],
    [["sec-fetch-site", "cross-site"]],
    [["sec-fetch-site", "same-site"]],
  ])("may neither change nor stream anything with %j", (headers) => {
    const refusal = "came from a page of another site";
    expect(() => callerOf({}, post(headers))).toThrow(refusal);
    expect(() => callerOf({}, { headers: [...headers, "accept", "text/event-stream"] })).toThrow(refusal);
    expect(() => callerOf({}, { headers: [...headers, "upgrade", "websocket"] })).toThrow(refusal);
    expect(callerOf({}, { headers }).foreignOrigin).toBe(null);
  });

  test("may be one of CORS_ORIGINS, which acts as a program and opens no socket", () => {
    const headers = ["origin", "https://shop.example.org", "sec-fetch-site", "cross-site"];
    const caller = { isFromPage: false, foreignOrigin: "https://shop.example.org" };
    expect(callerOf({}, post(headers))).toMatchObject(caller);
    expect(callerOf({}, { headers: [...headers, "accept", "text/event-stream"] })).toMatchObject(caller);
    expect(callerOf({}, { headers })).toMatchObject(caller);
    expect(() => callerOf({}, { headers: [...headers, "upgrade", "websocket"] })).toThrow("page of another site");
    expect(() => callerOf({ CORS_ORIGINS: undefined }, post(headers))).toThrow("page of another site");
  });
});

describe("addresses", () => {
  test("of a list are single ones and ranges of both families", () => {
    const list = addressList(["10.0.0.0/8", "192.0.2.1", "fd00::/8", "::1"]);
    expect(["10.255.0.1", "::ffff:10.0.0.1", "192.0.2.1", "fd12::1", "::1"].every(list.has)).toBe(true);
    expect(["11.0.0.1", "192.0.2.2", "fe80::1", "localhost", ""].some(list.has)).toBe(false);
  });

  test.each(["localhost", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8/8", "fd00::/129", "10.0.0.0/-1", ""])(
    "of a list are not %j",
    (entry) => {
      expect(() => addressList([entry])).toThrow("is neither an IP address nor a range");
    },
  );

  test("have one spelling", () => {
    expect(plainAddress("::FFFF:10.0.0.1")).toBe("10.0.0.1");
    expect(plainAddress("2001:DB8::1")).toBe("2001:db8::1");
    expect(plainAddress("10.0.0.1:80")).toBe("10.0.0.1");
    expect(plainAddress("10.0.0.1:80:80")).toBe(null);
    expect(plainAddress("unknown")).toBe(null);
  });
});
