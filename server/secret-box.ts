/** Encrypts secrets at rest, and computes digests by which equal secrets are found without storing them. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { DomainError } from "./errors.ts";
import { commandLine } from "./process/command-line.ts";

export interface SecretBox {
  /** Identifies the SECRET_KEY, and reveals nothing about it. */
  readonly keyId: string;
  /**
   * AES-256-GCM with a fresh nonce, so two calls return different texts. A text that was sealed for one `context`, such
   * as a record, opens for no other.
   */
  seal(plainText: string, context: string): string;
  /** INTERNAL when `sealed` was sealed with another key or for another context, or was changed since. */
  open(sealed: string, context: string): string;
  /** Whether this key sealed the text, by the key id at its start. */
  sealed(text: string): boolean;
  /** HMAC-SHA256 in hex. Equal texts have equal digests under one key; without the key nobody can test candidates. */
  digest(text: string): string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * HKDF-SHA256 derives one key per purpose from SECRET_KEY, so that a digest reveals nothing about the encryption key.
 */
export function createSecretBox(secretKey: string): SecretBox {
  const derive = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync("sha256", secretKey, "isimud", purpose, bytes));
  const encryptionKey = derive("encryption", 32);
  const digestKey = derive("digest", 32);
  const keyId = derive("key id", 6).toString("base64url");

  return {
    keyId,

    seal(plainText, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", encryptionKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const cipherText = Buffer.concat([cipher.update(plainText, "utf8"), cipher.final()]);
      return [keyId, ...[nonce, cipher.getAuthTag(), cipherText].map((part) => part.toString("base64url"))].join(".");
    },

    open(sealed, context) {
      const [sealedWith, nonce, tag, cipherText] = sealed.split(".");
      if (sealedWith !== keyId) {
        throw new DomainError(
          "INTERNAL",
          `A stored secret was encrypted with another SECRET_KEY. Start with that key, or give it as OLD_SECRET_KEY to \`${commandLine("rotate-key")}\`. If it is lost, run \`${commandLine("rotate-key --lost")}\`.`,
          { details: { keyId, sealedWith: sealedWith ?? "" } },
        );
      }
      try {
        const decipher = createDecipheriv("aes-256-gcm", encryptionKey, Buffer.from(nonce ?? "", "base64url"), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(Buffer.from(context));
        decipher.setAuthTag(Buffer.from(tag ?? "", "base64url"));
        return Buffer.concat([
          decipher.update(Buffer.from(cipherText ?? "", "base64url")),
          decipher.final(),
        ]).toString();
      } catch {
        throw new DomainError("INTERNAL", "A stored secret has been changed or damaged. Enter it again.");
      }
    },

    sealed: (text) => text.startsWith(`${keyId}.`),

    digest(text) {
      return createHmac("sha256", digestKey).update(text).digest("hex");
    },
  };
}
