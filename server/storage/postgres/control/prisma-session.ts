/**
 * What the controllers of the control plane share: a Prisma client or transaction, checks of arguments, and translation
 * of errors.
 */
import { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import { brokeAfterSending } from "../../errors/storage-errors.ts";
import { translatePostgresError } from "../sql/connection.ts";

/** Where a controller's statements run: on the client, or in one of its transactions. */
export interface Session {
  readonly prisma: Prisma.TransactionClient;
  readonly inTransaction: boolean;
  /** Runs several statements in one transaction: the open one, or else a new one. */
  atomically<T>(work: (prisma: Prisma.TransactionClient) => Promise<T>): Promise<T>;
  /**
   * Records that a statement failed, so that the transaction reports no success. Hazard: COMMIT would roll back and not
   * say so.
   */
  failed(error: DomainError): void;
}

/**
 * The controller with every argument checked and every error translated. The check refuses text that PostgreSQL cannot
 * store unchanged. `writes` names the methods whose outcome is unknown when the connection breaks. In a transaction no
 * outcome is unknown: a connection that breaks before COMMIT changes nothing.
 */
export function guarded<C extends object>(session: Session, controller: C, writes: readonly (keyof C)[]): C {
  const guard =
    (method: (...args: unknown[]) => Promise<unknown>, wrote: boolean) =>
    async (...args: unknown[]) => {
      args.forEach(requireStorable);
      try {
        return await method.apply(controller, args);
      } catch (error) {
        if (error instanceof DomainError) throw error;
        const translated = translateControlError(error, { wrote });
        session.failed(translated);
        throw translated;
      }
    };
  return Object.fromEntries(
    Object.entries(controller).map(([name, method]) => [
      name,
      guard(method, !session.inTransaction && (writes as readonly string[]).includes(name)),
    ]),
  ) as C;
}

/** BAD_INPUT for U+0000, which text columns refuse, and for half of a surrogate pair, which would become U+FFFD. */
function requireStorable(value: unknown): void {
  if (typeof value === "string") {
    if (value.includes("\u0000")) throw new DomainError("BAD_INPUT", "Text must not contain the character U+0000.");
    if (!value.isWellFormed()) {
      throw new DomainError("BAD_INPUT", "Text must be well-formed Unicode: it holds half of a surrogate pair.");
    }
  } else if (Array.isArray(value)) {
    value.forEach(requireStorable);
  } else if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    Object.values(value).forEach(requireStorable);
  }
}

/** What Prisma's adapter keeps of a database error: in the `meta` of a known request error, or as an error's cause. */
interface AdapterCause {
  kind?: string;
  originalCode?: string;
  code?: string;
  originalMessage?: string;
  message?: string;
}

function adapterCause(error: unknown): AdapterCause | null {
  const { meta, cause } = error as { meta?: { driverAdapterError?: { cause?: unknown } }; cause?: unknown };
  const found = meta?.driverAdapterError?.cause ?? cause;
  return typeof found === "object" && found !== null ? (found as AdapterCause) : null;
}

/** The adapter replaces the code of a socket's error by a kind. */
const CODE_OF_KIND: Record<string, string> = {
  DatabaseNotReachable: "ECONNREFUSED",
  ConnectionClosed: "ECONNRESET",
  SocketTimeout: "ETIMEDOUT",
};

/** How often a transaction runs before its deadlocks are the caller's. */
const ATTEMPTS = 3;
/** Deadlock, and serialization failure: the server rolled the whole transaction back. */
const ROLLED_BACK = ["40P01", "40001"];

/**
 * Runs a transaction, and again when it was the victim of a deadlock: nothing of it was committed. Deadlocks cannot be
 * ruled out: triggers at COMMIT lock what other transactions wrote. So what a transaction does outside of the database
 * must bear to be done again.
 */
export async function despiteDeadlocks<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt === ATTEMPTS || !isRolledBack(error)) throw error;
    }
  }
}

function isRolledBack(error: unknown): boolean {
  const { cause } = translateControlError(error, { wrote: false });
  return ROLLED_BACK.includes(String((cause as { code?: unknown } | undefined)?.code));
}

/**
 * An error about a transaction that is Prisma's own: it could not begin in time, or took too long and was rolled back.
 * Hazard: some methods run in a transaction of their own. When its COMMIT fails, Prisma tries to roll it back, and the
 * error of that hides the error of the COMMIT.
 */
export const isTransactionError = (error: unknown) => (error as { code?: unknown } | null)?.code === "P2028";

/** Translates an error of Prisma to a DomainError. See translatePostgresError. */
export function translateControlError(error: unknown, options: { wrote: boolean }): DomainError {
  if (error instanceof DomainError) return error;
  if (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof Prisma.PrismaClientValidationError
  ) {
    return new DomainError(
      "INTERNAL",
      "The storage was asked for something that it cannot do. This is a defect in Isimud.",
      {
        cause: error,
      },
    );
  }
  if (isTransactionError(error)) {
    const began = !(error as Error).message.includes("Unable to start a transaction");
    if (options.wrote && began) return brokeAfterSending(error);
    return new DomainError("DEADLINE_EXCEEDED", "The storage took too long. Nothing was written. Try again.", {
      cause: error,
    });
  }
  const cause = adapterCause(error);
  const code = cause?.originalCode ?? cause?.code ?? CODE_OF_KIND[cause?.kind ?? ""];
  // A marker may contain U+0000 once it is decoded, which happens after the check of arguments.
  if (code === "22021") return new DomainError("BAD_INPUT", "Text must not contain the character U+0000.");
  const message = cause?.originalMessage ?? cause?.message ?? (error instanceof Error ? error.message : "");
  return translatePostgresError(Object.assign(new Error(message, { cause: error }), code ? { code } : {}), options);
}
