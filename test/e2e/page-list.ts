/** Every page, with the demo data. */
import { paths } from "../../components/paths.ts";

/** What it shows, and its address. */
export const PAGES: [string, string][] = [
  ["the overview", paths.overview()],
  ["the overview of a week, as tables", paths.overview({ range: "week", table: true })],
  ["projects", paths.projects()],
  ["queues of all projects", paths.queues(null)],
  ["queues with problems", paths.queues(null, { problems: "all" })],
  ["queues of a project", paths.queues("shop", { sort: "-created" })],
  ["queues of a project whose name needs escaping", paths.queues("süd/west & more")],
  ["queues of a project that has none", paths.queues("nobody")],
  ["messages", paths.queue("shop", "orders")],
  ["messages of an empty queue", paths.queue("shop", "refunds")],
  ["a message that is not there", paths.queue("shop", "orders", "messages", { message: "nonsense" })],
  ["claims", paths.queue("shop", "orders", "claims")],
  ["claims of all queues", paths.claims()],
  ["claims of all queues by end", paths.claims({ project: "shop", queue: "orders", by: "end" })],
  ["subscriptions", paths.queue("shop", "orders", "subscriptions")],
  ["statistics", paths.queue("shop", "orders", "statistics")],
  ["settings", paths.queue("shop", "invoices", "settings")],
  ["a queue that is not there", paths.queue("shop", "missing")],
  ["pools", paths.pools()],
  ["a pool", paths.pool("default")],
  ["flavors", paths.flavors({ project: "shop" })],
  ["the catalogue", paths.catalogue()],
  ["jobs", paths.jobs()],
  ["health", paths.health()],
  ["keys", paths.keys()],
  ["keys of a store", paths.keys({ store: "isimud.queues" })],
  ["the audit log", paths.audit()],
  ["an address that does not exist", "/nothing/here"],
];
