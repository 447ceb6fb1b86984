/** Encryption of secrets at rest, and digests that find equal ones without storing them. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { DomainError } from "./errors.ts";

export interface SecretBox {
  /** Says which SECRET_KEY made it, and nothing about the key. */
  readonly keyId: string;
  /** AES-256-GCM under a fresh nonce: two calls differ. `context` is bound in: what was sealed for one record opens for no other. */
  seal(plainText: string, context: string): string;
  /** INTERNAL when it was sealed with another key, for another context, or has been changed. */
  open(sealed: string, context: string): string;
  /** Whether this key sealed it, by the key id in front. */
  sealed(text: string): boolean;
  /** HMAC-SHA256 in hex: equal texts have equal digests under one key, and nobody without it can try candidates. */
  digest(text: string): string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Derives its keys from SECRET_KEY with HKDF-SHA256, one per purpose, so that a digest reveals nothing of the encryption key. */
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
          "A stored secret was encrypted with another SECRET_KEY. Start with that key, or give it as OLD_SECRET_KEY to `npm run rotate-key`. If it is lost, run `npm run rotate-key -- --lost`.",
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
