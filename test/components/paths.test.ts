import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paths, QUEUE_TABS, readSegment, segment } from "../../components/paths.ts";

describe("paths", () => {
  it("makes every address of the dashboard", () => {
    const all = {
      overview: paths.overview(),
      projects: paths.projects({ search: "a b", after: "x" }),
      "queues of all projects": paths.queues(null, {
        search: "orders",
        pool: "eu",
        deadLetters: true,
        sort: "-created",
      }),
      "queues of a project": paths.queues("shop", { after: "m/1" }),
      "queues of the unnamed project": paths.queues(""),
      "queues of a project called ~": paths.queues("~"),
      "queues of a project with a slash": paths.queues("a/b"),
      ...Object.fromEntries(QUEUE_TABS.map((tab) => [`queue: ${tab}`, paths.queue("shop", "orders.v2", tab)])),
      "a queue called ..": paths.queue("", ".."),
      "a message": paths.queue("shop", "orders", "messages", { message: "1-2", ready: true, after: undefined }),
      "a claim": paths.queue("shop", "orders", "claims", { claim: "c1" }),
      pools: paths.pools(),
      pool: paths.pool("eu west/1", { range: "day", operation: "post_messages", after: "9" }),
      flavors: paths.flavors({ project: "shop" }),
      "flavors of the unnamed project": paths.flavors({ project: "" }),
      catalogue: paths.catalogue({ project: "~x", pool: "eu", search: "or" }),
      jobs: paths.jobs({ state: "running", after: "7" }),
      job: paths.job("Job:7"),
      "acting on a queue": paths.act({ project: "shop", name: "orders" }, { action: "delete", body: "a b" }),
      "acting on queues": paths.act(null, { project: "shop" }),
      health: paths.health(),
      runbook: paths.runbook(),
      keys: paths.keys({ store: "sessions" }),
      audit: paths.audit({ project: "", actor: "local", before: "12" }),
      settings: paths.settings(),
      explorer: paths.explorer(),
    };
    expect(all).toMatchInlineSnapshot(`
      {
        "a claim": "/projects/shop/queues/orders/claims?claim=c1",
        "a message": "/projects/shop/queues/orders?message=1-2&ready=1",
        "a queue called ..": "/projects/~/queues/~..",
        "acting on a queue": "/projects/shop/queues/orders/act?action=delete&body=a+b",
        "acting on queues": "/queues/act?project=shop",
        "audit": "/audit?project=%7E&actor=local&before=12",
        "catalogue": "/catalogue?project=%7E%7Ex&pool=eu&search=or",
        "explorer": "/graphql",
        "flavors": "/flavors?project=shop",
        "flavors of the unnamed project": "/flavors?project=%7E",
        "health": "/health",
        "job": "/jobs/Job%3A7",
        "jobs": "/jobs?state=running&after=7",
        "keys": "/keys?store=sessions",
        "overview": "/",
        "pool": "/pools/eu%20west%2F1?range=day&operation=post_messages&after=9",
        "pools": "/pools",
        "projects": "/projects?search=a+b&after=x",
        "queue: claims": "/projects/shop/queues/orders.v2/claims",
        "queue: messages": "/projects/shop/queues/orders.v2",
        "queue: settings": "/projects/shop/queues/orders.v2/settings",
        "queue: statistics": "/projects/shop/queues/orders.v2/statistics",
        "queue: subscriptions": "/projects/shop/queues/orders.v2/subscriptions",
        "queues of a project": "/projects/shop/queues?after=m%2F1",
        "queues of a project called ~": "/projects/~~/queues",
        "queues of a project with a slash": "/projects/a%2Fb/queues",
        "queues of all projects": "/queues?search=orders&pool=eu&deadLetters=1&sort=-created",
        "queues of the unnamed project": "/projects/~/queues",
        "runbook": "/runbook",
        "settings": "/settings",
      }
    `);
  });

  it("gives no name a reserved segment", () => {
    const names = ["", "~", "~~", "~.", ".", "..", "a", "~a", "-", "%7E", "a/b", "ä", "😀"];
    expect(new Set(names.map(segment)).size).toBe(names.length);
    for (const name of names) expect(new URL(`http://h/x/${segment(name)}/y`).pathname.split("/")).toHaveLength(4);
  });

  it("reads back every name that it writes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        expect(readSegment(segment(name))).toBe(name);
      }),
    );
  });

  it("reads null from a segment that cannot be decoded", () => {
    expect(readSegment("%E0%A4%A")).toBeNull();
  });
});
