/** How many requests are answered, in one process and in several. */
import { describe, expect, test, vi } from "vitest";
import { RateLimitExchange } from "../../server/access/rate-limit-exchange.ts";
import { Bucket, type RateLimitSettings, RateLimits, rateLimitHeaders } from "../../server/access/rate-limits.ts";
import { hasCode } from "../../server/errors.ts";

const NO_LIMITS: RateLimitSettings = {
  TOKEN_REQUESTS_PER_SECOND: 0,
  ACCOUNT_REQUESTS_PER_SECOND: 0,
  ADDRESS_REQUESTS_PER_SECOND: 0,
  ADDRESS_FAILURES_PER_MINUTE: 0,
};

function limiting(settings: Partial<RateLimitSettings>) {
  const clock = { now: 0 };
  const limits = new RateLimits({ ...NO_LIMITS, ...settings }, () => clock.now);
  return { clock, limits };
}

/** How many of so many requests are answered. */
function answered(times: number, take: () => unknown): number {
  let count = 0;
  for (let index = 0; index < times; index += 1) {
    try {
      take();
      count += 1;
    } catch (error) {
      if (!hasCode(error, "RATE_LIMITED")) throw error;
    }
  }
  return count;
}

describe("a limit", () => {
  test("of nothing is none", () => {
    const { limits } = limiting({});
    expect([limits.address("1.2.3.4"), limits.token("t", null), limits.account("a")]).toEqual([null, null, null]);
    expect(answered(1000, () => limits.lookUp("1.2.3.4"))).toBe(1000);
  });

  test("answers as many requests a second as it says, and goes on when there is room again", () => {
    const { limits, clock } = limiting({ TOKEN_REQUESTS_PER_SECOND: 10 });
    expect(limits.token("t", null)).toEqual({ kind: "token", requestsPerSecond: 10, remaining: 9 });
    expect(answered(20, () => limits.token("t", null))).toBe(9);
    expect(answered(20, () => limits.token("other", null))).toBe(10);
    clock.now += 500;
    expect(answered(20, () => limits.token("t", null))).toBe(5);
    clock.now += 60_000;
    expect(answered(20, () => limits.token("t", null))).toBe(10);
  });

  test("of a token itself replaces that of the settings, and counts anew when it is changed", () => {
    const { limits } = limiting({ TOKEN_REQUESTS_PER_SECOND: 10 });
    expect(answered(20, () => limits.token("t", 3))).toBe(3);
    expect(answered(20, () => limits.token("free", 0))).toBe(20);
    expect(answered(20, () => limits.token("t", 5))).toBe(5);
  });

  test("of an address is that of its network, for IPv6", () => {
    const { limits } = limiting({ ADDRESS_REQUESTS_PER_SECOND: 2 });
    const take = (address: string) => answered(1, () => limits.address(address));
    expect([take("2001:db8::1"), take("2001:db8:0:0:ffff::2"), take("2001:db8:0:0:1:2:3:4")]).toEqual([1, 1, 0]);
    expect([take("2001:db8:0:1::1"), take("10.0.0.1"), take("10.0.0.1"), take("10.0.0.1")]).toEqual([1, 1, 1, 0]);
  });

  test("of failures lets nothing be looked up for an address that has failed too often, and then a few a second", () => {
    const { limits, clock } = limiting({ ADDRESS_FAILURES_PER_MINUTE: 60 });
    const fail = () => {
      limits.lookUp("10.0.0.1");
      limits.lookedUp("10.0.0.1", true);
    };
    for (let good = 0; good < 100; good += 1) {
      limits.lookUp("10.0.0.1");
      limits.lookedUp("10.0.0.1", false);
    }
    expect(answered(100, fail)).toBe(60);
    expect(answered(1, () => limits.lookUp("10.0.0.2"))).toBe(1);
    clock.now += 2000;
    expect(answered(100, fail)).toBe(2);
  });

  test("is told in headers", () => {
    const { limits } = limiting({ ADDRESS_REQUESTS_PER_SECOND: 5, TOKEN_REQUESTS_PER_SECOND: 10 });
    const taken = [limits.address("10.0.0.1"), limits.token("t", null)].filter((limit) => limit !== null);
    expect(rateLimitHeaders(taken)).toEqual({
      "ratelimit-policy": '"address";q=5;w=1, "token";q=10;w=1',
      ratelimit: '"address";r=4;t=1, "token";r=9;t=1',
    });
  });
});

describe("processes", () => {
  /** The table that they share. */
  function sharing() {
    const rows = new Map<string, number>();
    let statements = 0;
    const query = async (text: string, values: [string[], number[]] = [[], []]) => {
      statements += 1;
      if (text.startsWith("DELETE")) rows.clear();
      return {
        rows: values[0].map((key, index) => {
          const requests = (rows.get(key) ?? 0) + (values[1][index] as number);
          rows.set(key, requests);
          return { key, requests };
        }),
      };
    };
    const join = () => {
      const { limits, clock } = limiting({ TOKEN_REQUESTS_PER_SECOND: 100 });
      const exchange = new RateLimitExchange({ limits, connections: { query } as never, now: () => clock.now });
      return { limits, exchange, clock };
    };
    return { join, statements: () => statements };
  }

  test("that serve one token keep its limit together", async () => {
    const { join } = sharing();
    const all = [join(), join(), join()];
    let count = 0;
    for (let second = 0; second < 20; second += 1) {
      for (const { limits, clock } of all) {
        clock.now += 1000;
        count += answered(110, () => limits.token("t", null));
      }
      for (const { exchange } of all) await exchange.run();
    }
    // 20 s of 100 requests, and what each gave before it knew of the others.
    expect(count).toBeGreaterThanOrEqual(1700);
    expect(count).toBeLessThanOrEqual(2500);
  });

  test("tell nothing while they counted nothing, and little of callers that are far from their limit", async () => {
    const { join, statements } = sharing();
    const { limits, exchange } = join();
    await exchange.run();
    answered(4, () => limits.token("t", null));
    await exchange.run();
    expect(statements()).toBe(0);
    answered(1, () => limits.token("t", null));
    await exchange.run();
    expect(statements()).toBe(1);
  });

  test("ask only the buckets that may be due, however many callers there are", async () => {
    const { join, statements } = sharing();
    const { limits, exchange } = join();
    for (let caller = 0; caller < 200; caller += 1) limits.token(`t${caller}`, null);
    answered(5, () => limits.token("busy", null));
    const asked = vi.spyOn(Bucket.prototype, "left");
    await exchange.run();
    await exchange.run();
    expect([asked.mock.calls.length < 10, statements()]).toEqual([true, 1]);
    asked.mockRestore();
  });

  test("take nobody's requests of long ago for those of now", async () => {
    const { join } = sharing();
    const [one, other] = [join(), join()];
    for (const { limits, exchange } of [one, other]) {
      answered(50, () => limits.token("t", null));
      await exchange.run();
    }
    for (let second = 0; second < 30; second += 1) {
      one.clock.now += 1000;
      answered(100, () => one.limits.token("t", null));
      await one.exchange.run();
    }
    other.clock.now += 30_000;
    expect(answered(50, () => other.limits.token("t", null))).toBe(50);
    await other.exchange.run();
    expect(answered(50, () => other.limits.token("t", null))).toBe(50);
  });
});
