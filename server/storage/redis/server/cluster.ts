/**
 * A single server, or a Redis Cluster, behind one interface. In a cluster a command goes to the server of its key's
 * slot. It follows a slot that has moved, and waits while a slot moves.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "../../../errors.ts";
import type { RedisAddress, ServerAddress } from "./address.ts";
import {
  ANSWER_TIMEOUT_MS,
  type Client,
  isServerError,
  RedisConnection,
  type Reply,
  type SendOptions,
} from "./connection.ts";

/** The server or the cluster on which scripts run. */
export interface RedisLink {
  /** Sends a command to the server that has `key`. Errors as RedisConnection.send. */
  send(key: string, command: readonly string[], options: SendOptions): Promise<Reply>;
  /** Sends the same command to every server that takes writes. */
  sendToAll(command: readonly string[], options: SendOptions): Promise<Reply[]>;
  /** The name of the server that has this key. "" for a single server, and while it is not known. */
  serverOf(key: string): string;
  /** Opens a separate client to one of the servers, for subscriptions. */
  openClient(onEnd: (error: unknown) => void): Promise<Client>;
  readonly isCluster: boolean;
  close(): void;
}

const SLOTS = 16_384;
const MAX_REDIRECTIONS = 5;
/** The shortest time between two readings of the slots while commands fail. */
const REFRESH_MS = 500;
/** How long one server may take to name the slots, so that a stalled one does not delay the others. */
const SLOTS_TIMEOUT_MS = 1000;
/** The time between two tries while the keys of a slot move to another server. */
const MOVING_MS = 50;

export class SingleServer implements RedisLink {
  readonly isCluster = false;
  readonly #connection: RedisConnection;

  constructor(address: RedisAddress, onError: (error: unknown) => void) {
    this.#connection = new RedisConnection(address, onError);
  }

  send(_key: string, command: readonly string[], options: SendOptions): Promise<Reply> {
    return this.#connection.send(command, options);
  }

  async sendToAll(command: readonly string[], options: SendOptions): Promise<Reply[]> {
    return [await this.#connection.send(command, options)];
  }

  serverOf(): string {
    return "";
  }

  openClient(onEnd: (error: unknown) => void): Promise<Client> {
    return this.#connection.openClient(onEnd);
  }

  close(): void {
    this.#connection.close();
  }
}

export class RedisCluster implements RedisLink {
  readonly isCluster = true;
  readonly #root: RedisAddress;
  readonly #onError: (error: unknown) => void;
  readonly #servers = new Map<string, RedisConnection>();
  /** The server of each slot. Empty until the slots were read once. */
  #slots: string[] = [];
  #reading: Promise<void> | null = null;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(root: RedisAddress, onError: (error: unknown) => void) {
    this.#root = root;
    this.#onError = onError;
  }

  async send(key: string, command: readonly string[], options: SendOptions): Promise<Reply> {
    const slot = slotOf(key);
    if (this.#slots[slot] === undefined) await this.#refreshSlots(options);
    let asked: string | null = null;
    for (let redirections = 0; ; redirections += 1) {
      const name: string | undefined = asked ?? this.#slots[slot];
      if (name === undefined) {
        throw new DomainError("STORAGE_UNAVAILABLE", "No server of the storage's cluster has this queue. Try again.");
      }
      try {
        const sending = asked === null ? options : { ...options, before: ["ASKING"] };
        return await this.#server(name).send(command, sending);
      } catch (error) {
        if (!isServerError(error)) {
          // A replica may have taken over. The next command then finds it.
          this.#readSlotsSoon();
          throw error;
        }
        // The server did nothing, so the command may be sent again: to another server, or once all keys have moved.
        if (error.message.startsWith("TRYAGAIN") && performance.now() + MOVING_MS < options.deadline) {
          await sleep(MOVING_MS);
          asked = null;
          redirections = 0;
          continue;
        }
        const [kind, , elsewhere] = error.message.split(" ");
        if ((kind !== "MOVED" && kind !== "ASK") || elsewhere === undefined || redirections >= MAX_REDIRECTIONS) {
          throw error;
        }
        const target: string = elsewhere.startsWith(":") ? `${this.#server(name).server.host}${elsewhere}` : elsewhere;
        asked = kind === "ASK" ? target : null;
        if (kind === "MOVED") {
          this.#slots[slot] = target;
          this.#readSlotsSoon();
        }
      }
    }
  }

  async sendToAll(command: readonly string[], options: SendOptions): Promise<Reply[]> {
    if (this.#slots.length === 0) await this.#refreshSlots(options);
    return Promise.all(this.#names().map((name) => this.#server(name).send(command, options)));
  }

  serverOf(key: string): string {
    return this.#slots[slotOf(key)] ?? "";
  }

  async openClient(onEnd: (error: unknown) => void): Promise<Client> {
    let failure: unknown;
    for (const connection of [...this.#names().map((name) => this.#server(name)), this.#rootServer()]) {
      try {
        return await connection.openClient(onEnd);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
  }

  /** The names of the servers that have slots. */
  #names(): string[] {
    return [...new Set(this.#slots)].filter((name) => name !== undefined);
  }

  #rootServer(): RedisConnection {
    return this.#server(nameOf(this.#root));
  }

  #server(name: string): RedisConnection {
    let server = this.#servers.get(name);
    if (server === undefined) {
      const at = name.lastIndexOf(":");
      const address = { host: name.slice(0, at), port: Number(name.slice(at + 1)) };
      server = new RedisConnection({ ...this.#root, ...address }, this.#onError);
      this.#servers.set(name, server);
    }
    return server;
  }

  #readSlotsSoon(): void {
    if (performance.now() - this.#readAt < REFRESH_MS) return;
    this.#refreshSlots({ wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS }).catch(() => undefined);
  }

  #refreshSlots(options: SendOptions): Promise<void> {
    this.#reading ??= this.#readSlots(options).finally(() => {
      this.#readAt = performance.now();
      this.#reading = null;
    });
    return this.#reading;
  }

  /**
   * Asks one server after the other. The last known ones come first, because the one in the URI may have left the
   * cluster.
   */
  async #readSlots(options: SendOptions): Promise<void> {
    let failure: unknown;
    const names = [...new Set([...this.#names(), nameOf(this.#root)])];
    for (const name of names) {
      const server = this.#server(name);
      try {
        // The last one delays no other, and may be the only one: it has all the time of the call, to connect as well.
        const patience = name === names.at(-1) ? Number.POSITIVE_INFINITY : SLOTS_TIMEOUT_MS;
        const deadline = Math.min(options.deadline, performance.now() + patience);
        const ranges = await server.send(["CLUSTER", "SLOTS"], { wrote: false, deadline });
        const slots = slotsOf(ranges, server.server);
        if (slots.length > 0) {
          this.#slots = slots;
          this.#forgetOthers(new Set([...slots, nameOf(this.#root)]));
          return;
        }
      } catch (error) {
        failure = error;
      }
    }
    if (isServerError(failure)) throw failure;
    throw failure ?? new DomainError("STORAGE_UNAVAILABLE", "The storage's cluster has no slots yet.");
  }

  #forgetOthers(known: ReadonlySet<string>): void {
    for (const [name, server] of this.#servers) {
      if (known.has(name)) continue;
      server.close();
      this.#servers.delete(name);
    }
  }
}

const nameOf = ({ host, port }: ServerAddress) => `${host}:${port}`;

/**
 * Reads the answer of CLUSTER SLOTS: ranges, each with its master first. An empty or unknown host means the server that
 * was asked.
 */
function slotsOf(ranges: Reply, asked: ServerAddress): string[] {
  const slots: string[] = [];
  for (const range of Array.isArray(ranges) ? ranges : []) {
    const [from, to, master] = range as [number, number, [string | null, number]];
    const name = nameOf({ host: master[0] === "?" ? asked.host : master[0] || asked.host, port: master[1] });
    for (let slot = from; slot <= to; slot += 1) slots[slot] = name;
  }
  return slots;
}

/**
 * The slot of a key: CRC-16/XMODEM, as the cluster's specification says, of the text between its first braces. Without
 * such a text, of the whole key.
 */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const end = open < 0 ? -1 : key.indexOf("}", open + 1);
  return crc16(end > open + 1 ? key.slice(open + 1, end) : key) % SLOTS;
}

export function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ ((crc & 0x8000) === 0 ? 0 : 0x1021)) & 0xffff;
  }
  return crc;
}
