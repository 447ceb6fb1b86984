/**
 * Documents that are known before anybody asks: those of the pages, from the build, and those that were registered, one
 * in each file of a folder. A client may send a document's id instead of its text. When only trusted documents run, a
 * stolen token or a hostile page can ask for nothing else.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { GraphQLError } from "graphql";
import { DomainError } from "../../errors.ts";
import type { Documents } from "./documents.ts";

/** How often the folder is looked at, at most, while requests come that its files decide. */
const LOOK_EVERY_MS = 1000;
/** Registered documents that are read. */
const MOST_DOCUMENTS = 10_000;

/** The id of a document: that of its text to the letter. */
export function documentId(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

export class TrustedDocuments {
  /** Only trusted documents run. */
  readonly only: boolean;
  readonly #folder: string | null;
  readonly #builtIn: ReadonlyMap<string, string>;
  readonly #ofPages: ReadonlySet<string>;
  readonly #onError: (error: unknown) => void;
  #byId: ReadonlyMap<string, string>;
  #texts: ReadonlySet<string>;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #readAt = Number.NEGATIVE_INFINITY;
  /** When the folder had last changed as it was read. NaN: it must be read again. */
  #changedAt = Number.NaN;
  #looking: Promise<void> | undefined;

  constructor(parts: {
    only: boolean;
    /** The documents of the pages. */
    builtIn: readonly string[];
    /** Where files that end in .graphql are registered documents. It need not exist. Null: none are. */
    folder: string | null;
    onError?: (error: unknown) => void;
  }) {
    this.only = parts.only;
    this.#folder = parts.folder;
    this.#builtIn = new Map(parts.builtIn.map((text) => [documentId(text), text]));
    this.#onError = parts.onError ?? (() => undefined);
    this.#byId = this.#builtIn;
    this.#ofPages = new Set(parts.builtIn);
    this.#texts = this.#ofPages;
  }

  /** DOCUMENT_NOT_FOUND when nothing has this id. A file that was added or removed counts within a second. */
  async textOf(id: string): Promise<string> {
    if (!this.#builtIn.has(id)) await this.#look({ known: this.#byId.has(id) });
    const text = this.#byId.get(id);
    if (text !== undefined) return text;
    throw new DomainError("DOCUMENT_NOT_FOUND", "No document has this id here. Send its text, or register it.", {
      details: { documentId: id.slice(0, 100).toWellFormed() },
    });
  }

  /** Looks for a text that is not built in, if that decides whether it runs. */
  async learn(text: string): Promise<void> {
    if (this.only && !this.#ofPages.has(text)) await this.#look({ known: this.#has(text) });
  }

  /** The same documents, without those that may not run. */
  guard(documents: Documents): Documents {
    if (!this.only) return documents;
    return {
      prepare: (request) =>
        this.#has(request.query) ? documents.prepare(request) : { cost: null, errors: [notTrusted()] },
    };
  }

  /** White space around a document does not count. */
  #has(text: string): boolean {
    return this.#texts.has(text) || this.#texts.has(text.trim());
  }

  /** `known`: only whether it is still there is asked, which the folder's time tells without reading the files. */
  #look({ known }: { known: boolean }): Promise<void> {
    if (this.#looking !== undefined) return this.#looking;
    const last = known ? this.#lookedAt : this.#readAt;
    if (this.#folder === null || performance.now() - last < LOOK_EVERY_MS) return Promise.resolve();
    this.#lookedAt = performance.now();
    this.#looking = this.#read(this.#folder, known)
      .catch((error: unknown) => this.#onError(error))
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #read(folder: string, known: boolean): Promise<void> {
    const changedAt = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.NaN,
    );
    if (known && changedAt === this.#changedAt) return;
    this.#readAt = this.#lookedAt;
    const registered = await readTexts(folder);
    const texts = [...this.#builtIn.values(), ...registered];
    this.#byId = new Map(texts.map((text) => [documentId(text), text]));
    this.#texts = new Set(texts);
    // A change right after this one may have the same time.
    this.#changedAt = Date.now() - changedAt > LOOK_EVERY_MS ? changedAt : Number.NaN;
  }
}

/** The registered documents, in the order of their files. */
export async function readTexts(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith(".graphql")).sort();
  const texts: string[] = [];
  for (const file of files.slice(0, MOST_DOCUMENTS)) texts.push((await readFile(join(folder, file), "utf8")).trim());
  return texts;
}

function notTrusted(): GraphQLError {
  const message = "Only documents run here that are built in or registered: see TRUSTED_DOCUMENTS in the manual.";
  return new GraphQLError(message, { originalError: new DomainError("DOCUMENT_NOT_TRUSTED", message) });
}
