/** Queues in every state that a page can show. */
import type { Call } from "./seed-api.ts";

const TWO_WEEKS = 1_209_600;
const A_DAY = 86_400;
const TWELVE_HOURS = 43_200;

interface NewMessage {
  body: { text: string };
  headers?: { name: string; value: string }[];
  ttlSeconds?: number;
  delaySeconds?: number;
}

interface DemoQueue {
  project: string;
  name: string;
  metadata?: Record<string, unknown>;
  messages?: NewMessage[];
  /** Runs once the messages are posted. */
  afterwards?: (queue: { project: string; queue: string }, call: Call) => Promise<void>;
}

const message = (body: unknown, more: Partial<NewMessage> = {}): NewMessage => ({
  body: { text: typeof body === "string" && body.startsWith("{") ? body : JSON.stringify(body) },
  ttlSeconds: TWO_WEEKS,
  ...more,
});

function orders(count: number): NewMessage[] {
  const goods = ["teapot", "kettle", "cup, blue", "tray", "strainer"];
  return Array.from({ length: count }, (_, index) =>
    message(
      {
        order: 41_000 + index,
        customer: `c-${(index * 7919) % 1000}`,
        items: [{ name: goods[index % goods.length], quantity: 1 + (index % 3), price: "12.50" }],
        gift: index % 4 === 0,
      },
      {
        headers: [
          { name: "type", value: "order placed" },
          { name: "trace", value: (0x4bf92f + index).toString(16) },
        ],
      },
    ),
  );
}

async function claim(
  call: Call,
  queue: { project: string; queue: string },
  options: { limit: number; ttlSeconds: number; clientId: string },
): Promise<string | null> {
  const { createClaim } = await call<{ createClaim: { claim: { id: string } | null } }>(
    `mutation ($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } } }`,
    { input: { ...queue, graceSeconds: 60, ...options } },
  );
  return createClaim.claim?.id ?? null;
}

/** Claims messages and releases them, `times` times, so that they become dead letters. */
async function fail(queue: { project: string; queue: string }, call: Call, times: number): Promise<void> {
  for (let delivery = 1; delivery <= times; delivery++) {
    const id = await claim(call, queue, { limit: 4, ttlSeconds: 60, clientId: "worker-that-fails" });
    if (id === null) return;
    await call(`mutation ($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }`, {
      input: { ...queue, claimId: id },
    });
  }
}

const shop = "shop";

function queues(): DemoQueue[] {
  return [...queuesOfAllStates(), ...queuesOfUnusualBodies(), ...queuesOfUnusualNames()];
}

function queuesOfAllStates(): DemoQueue[] {
  return [
    {
      project: shop,
      name: "orders",
      metadata: { team: "checkout", runbook: "https://example.org/orders" },
      messages: orders(140),
      afterwards: async (queue, call) => {
        await claim(call, queue, { limit: 10, ttlSeconds: 300, clientId: "worker-1" });
        await claim(call, queue, { limit: 5, ttlSeconds: 3600, clientId: "worker-2" });
        await claim(call, queue, { limit: 1, ttlSeconds: TWELVE_HOURS, clientId: "worker-3-slow" });
      },
    },
    {
      project: shop,
      name: "payments",
      messages: orders(20),
      afterwards: async (queue, call) => {
        await claim(call, queue, { limit: 12, ttlSeconds: TWELVE_HOURS, clientId: "bank-a" });
        await claim(call, queue, { limit: 8, ttlSeconds: TWELVE_HOURS, clientId: "bank-b" });
      },
    },
    {
      project: shop,
      name: "reminders",
      metadata: { _default_message_delay: 900 },
      messages: Array.from({ length: 15 }, (_, index) => message({ remind: `c-${index}`, of: "the basket" })),
    },
    { project: shop, name: "refunds" },
    {
      project: shop,
      name: "invoices",
      metadata: {
        _max_claim_count: 2,
        _dead_letter_queue: "invoices.dead",
        _dead_letter_queue_messages_ttl: TWO_WEEKS,
        _history_seconds: A_DAY,
      },
      messages: orders(4).map(({ body, ...order }) => ({
        ...order,
        body: { text: body.text.replace("{", '{"broken":true,') },
      })),
      afterwards: async (queue, call) => {
        await fail(queue, call, 3);
        await call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
          input: { ...queue, messages: orders(2) },
        });
      },
    },
    {
      project: shop,
      name: "parcels",
      // Its dead letter queue does not exist, so messages that failed too often stay here.
      metadata: { _max_claim_count: 2, _dead_letter_queue: "parcels.dead" },
      messages: orders(3),
      afterwards: (queue, call) => fail(queue, call, 3),
    },
  ];
}

function queuesOfUnusualBodies(): DemoQueue[] {
  return [
    {
      project: shop,
      name: "big-bodies",
      messages: [
        message({ note: "300 KiB of text", text: "isimud ".repeat(43_000) }),
        message({ note: "twenty thousand numbers", numbers: Array.from({ length: 20_000 }, (_, n) => n * n) }),
        message({
          note: "thirty levels deep",
          nested: JSON.parse(`${'{"in":'.repeat(30)}1${"}".repeat(30)}`) as unknown,
        }),
      ],
    },
    {
      project: shop,
      name: "exact-numbers",
      messages: [
        message('{"huge":123456789012345678901234567890,"one":1.0,"tiny":1e-400,"max":9223372036854775807}'),
        message('{"same":1,"same":2,"z":"before a","a":"after z","__proto__":{"is":"a key"}}'),
        message(null),
        message(false),
        message("only text"),
        message([1, [2, [3, []]], {}]),
      ],
    },
    {
      project: shop,
      name: "unicode",
      messages: [
        message({
          grüße: "aus Köln",
          日本語: "こんにちは",
          emoji: "📮✉️👩🏽‍🚀",
          rtl: "שלום עולם",
          combining: "e\u0301",
        }),
        message({ markup: "<script>alert('no')</script>", template: "{{7*7}}", link: "javascript:alert(1)" }),
        message({ control: "tab\tnewline\nbell\u0007end", zero: "\u200b", lone: "\ud800" }),
      ],
    },
  ];
}

function queuesOfUnusualNames(): DemoQueue[] {
  return [
    { project: "", name: "default-project-queue", messages: orders(3) },
    { project: "~", name: "queue.of.a.project.called.tilde", messages: orders(1) },
    {
      project: "süd/west & more",
      name: "a-queue-name-of-exactly-sixty-four-letters-as-long-as-it-can-be.",
      messages: orders(2),
    },
  ];
}

const SUBSCRIBERS = [
  { subscriber: "https://hooks.example.org/orders", confirmed: true, options: { json: {} } },
  {
    subscriber: "https://audit.example.org/in?source=shop",
    confirmed: false,
    options: { json: { _retry_policy: { retries_with_no_delay: 2, minimum_delay: 5, maximum_delay: 60 } } },
  },
  { subscriber: "mailto:night-shift@example.org", confirmed: true, options: { json: { subject: "New orders" } } },
];

async function fillQueue(call: Call, { project, name, metadata, messages = [], afterwards }: DemoQueue): Promise<void> {
  const { createQueue } = await call<{ createQueue: { queue: { stats: { total: number } | null } } }>(
    `mutation ($input: CreateQueueInput!) { createQueue(input: $input) { queue { stats { total } } } }`,
    { input: { project, queue: name, ...(metadata ? { metadata: { json: metadata } } : {}) } },
  );
  if (messages.length === 0 || createQueue.queue.stats?.total !== 0) return;
  const queue = { project, queue: name };
  await call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
    input: { ...queue, messages, clientId: "demo" },
  });
  await afterwards?.(queue, call);
}

async function subscribe(call: Call): Promise<void> {
  const queue = { project: "shop", queue: "orders" };
  for (const { confirmed, ...subscriber } of SUBSCRIBERS) {
    const { queueSubscriptionOf } = await call<{ queueSubscriptionOf: object | null }>(
      `query ($project: String, $queue: String!, $subscriber: String!) {
        queueSubscriptionOf(project: $project, queue: $queue, subscriber: $subscriber) { id }
      }`,
      { ...queue, subscriber: subscriber.subscriber },
    );
    if (queueSubscriptionOf) continue;
    const { createQueueSubscription } = await call<{ createQueueSubscription: { subscription: { id: string } } }>(
      `mutation ($input: CreateQueueSubscriptionInput!) { createQueueSubscription(input: $input) { subscription { id } } }`,
      { input: { ...queue, ttlSeconds: TWO_WEEKS, ...subscriber } },
    );
    if (!confirmed) continue;
    await call(
      `mutation ($input: ConfirmQueueSubscriptionInput!) { confirmQueueSubscription(input: $input) { subscription { id } } }`,
      {
        input: { ...queue, id: createQueueSubscription.subscription.id, confirmed: true },
      },
    );
  }
}

export async function fillShop(call: Call): Promise<void> {
  // Before the queue that uses it.
  await fillQueue(call, { project: "shop", name: "invoices.dead" });
  // The busiest queue last: the overview shows the newest first.
  for (const queue of queues().toReversed()) await fillQueue(call, queue);
  await subscribe(call);
}
