/** How a store's keys are written in its backend. */
import { hash } from "node:crypto";

/** Must give the same text for the same key in every process, and different texts for different keys. */
export type KeyMangler = (key: string) => string;

/** The default: 40 hexadecimal digits for a key of any length and alphabet. Lists of keys then show these digits. */
export const sha1Mangler: KeyMangler = (key) => hash("sha1", key, "hex");
